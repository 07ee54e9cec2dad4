import { isIP } from 'node:net'

/** Where a connection says that it comes from, and goes to. */
export interface Address {
  /** Of the page whose script connects; every browser's WebSocket names it, and every POST. */
  origin: string | undefined
  /** The Host header. */
  host: string | undefined
  /** It opens a WebSocket at once. Only so can the absence of an origin mean that it is no browser. */
  isWebSocket: boolean
}

/**
 * Whether somebody may connect without a token: any page that somebody opens could try, also under a name of its own
 * that it lets mean this host (DNS rebinding). So a name counts only where no stranger can own it: one of the machine
 * that the browser runs on, one of a cluster, an address, or a host of the list. A list names the origins whose pages may
 * connect, or all with '*'; without one these are pages of the machine that the browser runs on, and of the very host
 * that was connected to.
 */
export function isTrustedOrigin({ origin, host, isWebSocket }: Address, allowed?: readonly string[]): boolean {
  if (allowed?.includes('*') === true) return true
  const to = hostOf(`http://${host ?? ''}`)
  if (origin === undefined) return isWebSocket || isOwnName(to) || (allowed ?? []).some((each) => hostOf(each) === to)
  if (allowed !== undefined) return allowed.includes(origin)
  const from = hostOf(origin)
  return isLocal(from) || (from === to && isOwnName(to))
}

function hostOf(url: string): string | undefined {
  return /^https?:/i.test(url) && URL.canParse(url) ? new URL(url).hostname : undefined
}

function isLocal(host = ''): boolean {
  return host === '127.0.0.1' || host === '[::1]' || /^(.+\.)?localhost$/.test(host)
}

/** Whether no stranger can make this name mean this host: there is none in the public DNS. */
function isOwnName(host = ''): boolean {
  const isAddress = isIP(host.replaceAll(/[[\]]/g, '')) !== 0
  const isOfCluster = /^[a-z0-9-]+$|\.svc$|\.svc\.cluster\.local$/.test(host)
  return isLocal(host) || isAddress || isOfCluster
}
