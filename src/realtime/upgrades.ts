import type { IncomingMessage, Server } from 'node:http'

/**
 * Whether a request asks for a WebSocket. Any other protocol in its Upgrade header is ignored, as RFC 9110, section 7.8
 * allows: Java's client offers h2c with every first call.
 */
export function asksForWebSocket({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const offered = (headers.upgrade ?? '').split(',').map((protocol) => protocol.trim().toLowerCase())
  return offered.includes('websocket')
}

/** Reduces an Upgrade header of several protocols to WebSocket: libraries accept it only alone. Call this first. */
export function preferWebSocket(server: Server): void {
  server.prependListener('upgrade', ({ headers }: IncomingMessage) => {
    headers.upgrade = 'websocket'
  })
}
