import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { baseRemover } from './base-path.ts'
import type { HttpMetrics } from './context.ts'
import { type EnvelopeOptions, failure } from './envelope.ts'
import { HttpError } from './http-error.ts'
import { isTooLong } from './input/json-body.ts'
import { securityHeaders } from './middleware/headers.ts'

/** How often connections are checked for timeouts; the default of createServer is 30 seconds. */
const TIMEOUT_CHECK_MS = 1000

export interface ServerOptions extends EnvelopeOptions {
  /** Removed from the target of each request that has it. */
  basePath?: string
  /** Whether a request is taken by the listeners of `upgrade`; by default none is. */
  isUpgrade?: (request: IncomingMessage) => boolean
  metrics: Pick<HttpMetrics, 'answered'>
}

/** An HTTP server that responds with the envelope even to bytes that are not a request, and counts those responses. */
export function makeServer(handle: RequestListener, options: ServerOptions): Server {
  // The application rejects a missing Host header itself, with the envelope.
  const { basePath = '', isUpgrade = () => false } = options
  const removeBase = baseRemover(basePath)
  const answer: RequestListener = (request, response) => {
    removeBase(request)
    handle(request, response)
  }
  const server = createServer(
    {
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
      // Other protocols in an Upgrade header are ignored: RFC 9110, section 7.8.
      shouldUpgradeCallback: (request) => {
        const target = request.url ?? ''
        removeBase(request)
        const isTaken = isUpgrade(request)
        // What is ignored comes to `answer`, which removes the base path.
        if (!isTaken) request.url = target
        return isTaken
      },
    },
    answer,
  )
  // Unknown expectations may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', answer)
  // No 100 Continue for a body that will be rejected for its length.
  server.on('checkContinue', (request, response: ServerResponse) => {
    if (!isTooLong(request)) response.writeContinue()
    server.emit('request', request, response)
  })
  const open = new WeakMap<Duplex, Set<ServerResponse>>()
  server.on('request', ({ socket }, response: ServerResponse) => {
    const responses = open.get(socket) ?? new Set()
    open.set(socket, responses.add(response))
    response.once('close', () => responses.delete(response))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Part of another response may be on its way: this one would be read as its continuation.
    const hasBegun = [...(open.get(socket) ?? [])].some(({ headersSent }) => headersSent)
    if (hasBegun || !socket.writable || error.code === 'ECONNRESET') {
      socket.destroy()
      return
    }
    const failed = parserError(error.code)
    options.metrics.answered('none', failed.status)
    socket.end(rawFailure(failed, options), () => socket.destroy())
  })
  return server
}

/** The failure for an error code of Node.js's parser or timeouts. */
function parserError(code = ''): HttpError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpError(431, 'HeadersTooLarge', 'the headers are longer than 16 KiB')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new HttpError(413, 'BodyTooLarge', 'the chunk extensions are too long')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpError(408, 'RequestTimeout', 'the request took too long to arrive')
    default:
      return new HttpError(400, 'InvalidRequest', 'not a valid HTTP request')
  }
}

const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
}

function rawFailure(error: HttpError, options: EnvelopeOptions): string {
  const body = JSON.stringify(failure(error, options))
  const lines = [
    `HTTP/1.1 ${error.status} ${phrases[error.status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
