import type { IncomingMessage } from 'node:http'
import { routes } from './routes.ts'

/** The part of a request's context that the base path depends on. */
interface Received {
  req: Pick<IncomingMessage, 'socket'>
  get(header: string): string
}

/** The path below which a caller finds the API, without a trailing slash. Empty unless a proxy in front adds one. */
export type BasePathOf = (ctx: Received) => string

export interface BasePathOptions {
  /** The path for requests without a prefix from a trusted proxy. */
  configured: string
  /** Whether the X-Forwarded-Prefix of this peer counts. */
  isTrustedPeer: (address: string) => boolean
}

/** Segments that need no escaping in a URL; none is `.` or `..`, which would lead elsewhere. */
const PREFIX = /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*\/?$/
const LONGEST = 256

/** Parses a prefix and removes its trailing slash; undefined if it is not a prefix. */
export function parsePrefix(text: string): string | undefined {
  if (text.length > LONGEST || !PREFIX.test(text)) return undefined
  return text.replace(/\/$/, '')
}

/**
 * Returns the base path of a request: the prefix from the last proxy if that is trusted, else the configured one. Each
 * proxy of a chain appends what it stripped, so the first entry is the outermost. An invalid prefix is ignored.
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

/** The first segments of what is served; the realtime events are on this port, too. */
const own = new Set([...routes.map(({ path }) => segmentOf(path)), 'events'])

/** Removes the configured base path from the target of a request, where a proxy in front has left it. */
export function baseRemover(configured: string): (request: Pick<IncomingMessage, 'url'>) => void {
  // Below /api, nobody knows whether /api/jobs has its prefix yet.
  if (configured === '' || own.has(segmentOf(configured))) return () => {}
  return (request) => {
    const { url = '' } = request
    const rest = url.slice(configured.length)
    if (url.startsWith(configured) && /^([/?]|$)/.test(rest)) request.url = rest.startsWith('/') ? rest : `/${rest}`
  }
}

function segmentOf(path: string): string {
  return path.split('/')[1] ?? ''
}

/** The base path without a proxy in front. */
export const atRoot: BasePathOf = () => ''
