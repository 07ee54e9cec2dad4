import type { IncomingMessage, Server } from 'node:http'

/**
 * Whether a request is to become a WebSocket. Any other protocol that it offers in Upgrade is ignored, as a server may
 * that does not speak it (RFC 9110, section 7.8): Java's client offers h2c with every first call.
 */
export function asksForWebSocket({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const offered = (headers.upgrade ?? '').split(',').map((protocol) => protocol.trim().toLowerCase())
  return offered.includes('websocket')
}

/** Of several protocols that are offered takes WebSocket: libraries know it only where it stands alone. To be called first. */
export function preferWebSocket(server: Server): void {
  server.prependListener('upgrade', ({ headers }: IncomingMessage) => {
    headers.upgrade = 'websocket'
  })
}
