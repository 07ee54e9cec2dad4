import { BlockList, isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Lru } from '../collections/lru.ts'

/** Addresses in CIDR form. */
interface Network {
  address: string
  prefix: number
}

/** What a request counts for, given the other end of its connection and its X-Forwarded-For header. */
export type ClientOf = (peer: string, forwardedFor: string) => string

/** Says which peers are trusted proxies. */
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
 * Whose call it is: the peer's, unless that is a trusted proxy. Then it is that of the last address of X-Forwarded-For
 * that is no trusted proxy: what stands before it was written by who knows whom.
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
  return remembering(clientOf)
}

/** Most addresses that are remembered, and the longest header with one: a few hundred kilobytes at the very most. */
const MOST = 1000
const LONGEST = 200

/** A caller comes many times over one connection, and reading his address costs more than much else about a call. */
function remembering(clientOf: ClientOf): ClientOf {
  const known = new Lru<string, string>(MOST)
  return (peer, forwardedFor) => {
    if (forwardedFor.length > LONGEST) return clientOf(peer, forwardedFor)
    const key = `${peer} ${forwardedFor}`
    const before = known.get(key)
    if (before !== undefined) return before
    const client = clientOf(peer, forwardedFor)
    known.set(key, client)
    return client
  }
}

/** Without what belongs to an interface or a port, and IPv4 as such where it is written as IPv6. */
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
