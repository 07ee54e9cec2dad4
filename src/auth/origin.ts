import { isIP } from 'node:net'

/** Origin and target of a connection, from its headers. */
export interface Address {
  /** Origin of the page whose script connects; browsers send it with every WebSocket and every POST. */
  origin: string | undefined
  /** The Host header. */
  host: string | undefined
  /** The connection begins as a WebSocket. Only then does a missing origin mean that the client is not a browser. */
  isWebSocket: boolean
}

/**
 * Whether a client may connect without a token. Any page in a browser could try, even under its own name if that resolves
 * to this host (DNS rebinding). So a host name counts only if no stranger can own it: a name of the browser's own machine,
 * a name of a cluster, an address, or a host of the list. The list names the origins whose pages may connect; '*' allows
 * all. Without a list, these are pages of the browser's own machine and of the host that they connect to.
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

/** Whether no stranger can make this name resolve to this host: the public DNS has no such names. */
function isOwnName(host = ''): boolean {
  const isAddress = isIP(host.replaceAll(/[[\]]/g, '')) !== 0
  const isOfCluster = /^[a-z0-9-]+$|\.svc$|\.svc\.cluster\.local$/.test(host)
  return isLocal(host) || isAddress || isOfCluster
}
