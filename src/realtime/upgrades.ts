import type { IncomingMessage, Server } from 'node:http'

/**
 * Whether a request asks for a WebSocket. Any other protocol in its Upgrade header is ignored, as RFC 9110, section 7.8
 * allows: Java's client offers h2c with every first call.
 */
export function asksForWebSocket({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const offered = (headers.upgrade ?? '').split(',').map((protocol) => protocol.trim().toLowerCase())
  return offered.includes('websocket')
}

/** The path of the events on the port of the REST API: pages reach it where they reach the API. */
const EVENTS_PATH = '/events'

/** Whether a request to the REST API asks for the events. */
export function asksForEvents(request: Pick<IncomingMessage, 'headers' | 'url' | 'method'>): boolean {
  const [path] = (request.url ?? '').split('?')
  return request.method === 'GET' && path === EVENTS_PATH && asksForWebSocket(request)
}

/** Reduces an Upgrade header of several protocols to WebSocket: libraries accept it only alone. Call this first. */
export function preferWebSocket(server: Server): void {
  server.prependListener('upgrade', ({ headers }: IncomingMessage) => {
    headers.upgrade = 'websocket'
  })
}
