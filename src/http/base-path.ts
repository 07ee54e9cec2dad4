import type { IncomingMessage } from 'node:http'

/** The part of a request's context that says how it came here. */
interface Received {
  req: Pick<IncomingMessage, 'socket'>
  get(header: string): string
}

/** The path below which a caller finds us, without a slash at its end: a proxy in front strips it. Mostly nothing. */
export type BasePathOf = (ctx: Received) => string

export interface BasePathOptions {
  /** Where no trusted proxy says otherwise. */
  configured: string
  /** Whose X-Forwarded-Prefix counts. */
  isTrustedPeer: (address: string) => boolean
}

/** Parts that mean themselves in every URL; none is `.` or `..`, which would lead elsewhere. */
const PREFIX = /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*\/?$/
const LONGEST = 256

/** A prefix without a slash at its end; undefined where it is none. */
export function parsePrefix(text: string): string | undefined {
  if (text.length > LONGEST || !PREFIX.test(text)) return undefined
  return text.replace(/\/$/, '')
}

/**
 * Says where a caller finds us: below what the last proxy says, if that is trusted, else where it is configured. Of a
 * chain of proxies each adds what it stripped, so what stands first is outermost. What is no prefix does not count.
 */
export function basePaths({ configured, isTrustedPeer }: BasePathOptions): BasePathOf {
  return (ctx) => {
    const header = ctx.get('X-Forwarded-Prefix')
    if (header === '' || !isTrustedPeer(ctx.req.socket.remoteAddress ?? '')) return configured
    const parts = header.split(',').map((part) => parsePrefix(part.trim()))
    const prefix = parts.every((part) => part !== undefined) ? parsePrefix(parts.join('')) : undefined
    return prefix ?? configured
  }
}

/** For those who are reached directly. */
export const atRoot: BasePathOf = () => ''
