import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Log } from '../kube/runtime/logger.ts'

/** How long calls under way may take to end once we are asked to stop. */
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
 * Serves until the signal, then takes no more calls, lets those under way end, and closes what is left. Limits on
 * headers and time keep one slow sender from holding a connection for ever; the server that is given must look after
 * them more often than the half minute of createServer.
 */
export async function listen(
  server: Server,
  port: number,
  { name, log, signal, timeouts = { headersMs: 10_000, requestMs: 30_000 }, drainMs = DRAIN_MS }: ListenOptions,
): Promise<void> {
  server.headersTimeout = timeouts.headersMs
  server.requestTimeout = timeouts.requestMs
  server.maxHeadersCount = 100
  // Longer than proxies and clients keep theirs: who closes first must be the one that sends, or a call is lost.
  server.keepAliveTimeout = 65_000
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.listen(port)
  await once(server, 'listening')
  log.info({ name, address: server.address() }, 'listening')
  // A connection that could not be accepted, for want of descriptors or memory, is no reason to end with all others.
  server.on('error', (error) => log.warn({ name, err: error }, 'connection could not be accepted'))
  if (!signal.aborted) await once(signal, 'abort')
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const deadline = AbortSignal.timeout(drainMs)
  // closeAllConnections() would leave out those that have become WebSockets, and wait for callers that are gone.
  const cut = (): void => {
    for (const socket of open) socket.destroy()
  }
  deadline.addEventListener('abort', cut, { once: true })
  await closed
}
