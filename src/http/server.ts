import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HttpMetrics } from './context.ts'
import { type EnvelopeOptions, failure } from './envelope.ts'
import { HttpError } from './http-error.ts'
import { isTooLong } from './input/json-body.ts'
import { securityHeaders } from './middleware/headers.ts'

/** How often connections are looked at that have taken too long: createServer's half minute is too seldom. */
const LOOK_MS = 1000

export interface ServerOptions extends EnvelopeOptions {
  metrics: Pick<HttpMetrics, 'answered'>
}

/** An HTTP server that answers in our form also to bytes that are no request, and counts those answers. */
export function makeServer(handle: RequestListener, options: ServerOptions): Server {
  // A missing Host header is answered by the application, in its own form.
  const server = createServer({ connectionsCheckingInterval: LOOK_MS, requireHostHeader: false }, handle)
  // Expectations that nobody knows may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', handle)
  // Nobody is asked for a body that will be refused for its length.
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
    // A part of another answer may be on its way: ours would be read as its continuation.
    const hasBegun = [...(open.get(socket) ?? [])].some(({ headersSent }) => headersSent)
    if (hasBegun || !socket.writable || error.code === 'ECONNRESET') {
      socket.destroy()
      return
    }
    const failed = whatIsWrong(error.code)
    options.metrics.answered('none', failed.status)
    socket.end(rawFailure(failed, options), () => socket.destroy())
  })
  return server
}

/** What Node.js's parser and timeouts found, for the caller. */
function whatIsWrong(code = ''): HttpError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpError(431, 'HeadersTooLarge', 'the headers are longer than 16 KiB')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new HttpError(413, 'BodyTooLarge', 'the extensions of the chunks are too long')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpError(408, 'RequestTimeout', 'the request took too long to arrive')
    default:
      return new HttpError(400, 'InvalidRequest', 'this is not an HTTP request')
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
