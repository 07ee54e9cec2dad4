import { BlockList, isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Lru } from '../collections/lru.ts'

/** A network of addresses, as in CIDR notation. */
interface Network {
  address: string
  prefix: number
}

/** Returns the client that a request is counted for, given its peer address and its X-Forwarded-For header. */
export type ClientOf = (peer: string, forwardedFor: string) => string

/** Returns a check whether a peer is a trusted proxy. */
export function trustedPeers(proxies: readonly Network[]): (peer: string) => boolean {
  const isTrusted = membership(proxies)
  return (peer) => {
    const address = plainAddress(peer)
    return isIP(address) !== 0 && isTrusted(address)
  }
}

function membership(networks: readonly Network[]): (address: string) => boolean {
  const list = new BlockList()
  for (const { address, prefix } of networks) list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * The client of a request is its peer, unless that is a trusted proxy. Then it is the last address of X-Forwarded-For
 * that is not a trusted proxy: earlier entries are client-controlled.
 */
export function clientsBehind(proxies: readonly Network[]): ClientOf {
  const isTrusted = membership(proxies)
  const clientOf: ClientOf = (peer, forwardedFor) => {
    let client = plainAddress(peer)
    const hops = forwardedFor.split(',').map((hop) => plainAddress(hop.trim()))
    while (isIP(client) !== 0 && isTrusted(client)) {
      const before = hops.pop()
      if (before === undefined || isIP(before) === 0) break
      client = before
    }
    return countedAs(client)
  }
  return cached(clientOf)
}

/** Limits of the cache: entries, and the header length of an entry. At most a few hundred kilobytes in total. */
const MAX_ENTRIES = 1000
const MAX_HEADER_LENGTH = 200

/** Caches the results: a caller sends many requests over one connection, and parsing its address is comparatively slow. */
function cached(clientOf: ClientOf): ClientOf {
  const known = new Lru<string, string>(MAX_ENTRIES)
  return (peer, forwardedFor) => {
    if (forwardedFor.length > MAX_HEADER_LENGTH) return clientOf(peer, forwardedFor)
    const key = `${peer} ${forwardedFor}`
    const before = known.get(key)
    if (before !== undefined) return before
    const client = clientOf(peer, forwardedFor)
    known.set(key, client)
    return client
  }
}

/** Removes zone and port from an address, and turns an IPv4-mapped IPv6 address into IPv4. */
function plainAddress(text: string): string {
  const [, inBrackets] = /^\[(.*)\](?::\d+)?$/.exec(text) ?? []
  const [, beforePort] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text) ?? []
  const [address = ''] = (inBrackets ?? beforePort ?? text).split('%')
  if (isIP(address) !== 6) return address
  const ipv6 = ipaddr.IPv6.parse(address)
  // ipaddr.js also maps the deprecated form ::192.0.2.1, which is another address.
  const isMapped = ipv6.isIPv4MappedAddress() && /ffff/i.test(address)
  return isMapped ? ipv6.toIPv4Address().toString() : address
}

/** The key that requests are counted by: one customer has a whole /64 of IPv6. */
function countedAs(address: string): string {
  if (isIP(address) !== 6) return address
  const network = ipaddr.IPv6.parse(address).parts.slice(0, 4)
  return `${network.map((group) => group.toString(16)).join(':')}::/64`
}
