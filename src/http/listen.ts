import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Log } from '../kube/runtime/logger.ts'

/** How long running requests may take to end after the signal. */
const DRAIN_MS = 5000

/** How long the headers, and the whole of a request, may take to arrive. */
interface Timeouts {
  headersMs: number
  requestMs: number
}

interface ListenOptions {
  name: string
  log: Log
  signal: AbortSignal
  timeouts?: Timeouts
  drainMs?: number
}

/**
 * Serves until the signal, then accepts no more requests, lets running ones end, and closes the remaining connections.
 * The timeouts keep a slow sender from holding a connection forever. The given server must check them more often than
 * the 30 seconds of createServer.
 */
export async function listen(
  server: Server,
  port: number,
  { name, log, signal, timeouts = { headersMs: 10_000, requestMs: 30_000 }, drainMs = DRAIN_MS }: ListenOptions,
): Promise<void> {
  server.headersTimeout = timeouts.headersMs
  server.requestTimeout = timeouts.requestMs
  server.maxHeadersCount = 100
  // Longer than in proxies and clients: a request is lost if the server closes the connection while the client sends.
  server.keepAliveTimeout = 65_000
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.listen(port)
  await once(server, 'listening')
  log.info({ name, address: server.address() }, 'listening')
  // A lack of descriptors or memory for one connection must not end all others.
  server.on('error', (error) => log.warn({ name, err: error }, 'connection could not be accepted'))
  if (!signal.aborted) await once(signal, 'abort')
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const deadline = AbortSignal.timeout(drainMs)
  // closeAllConnections() would skip WebSockets and wait for disconnected callers.
  const cut = (): void => {
    for (const socket of open) socket.destroy()
  }
  deadline.addEventListener('abort', cut, { once: true })
  await closed
}
