import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FacadeContext } from './context.ts'

/** A content security policy of pages: nothing from other origins, nothing inline, and no framing. */
export const ownOriginPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  // It includes the WebSockets of the same origin.
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
]

/** A file that is the same for every caller. */
export interface Content {
  type: string
  plain: Buffer
  gzipped: Buffer
  etag: string
}

/** The content of a file, compressed once. */
export async function contentOf(type: string, plain: Buffer): Promise<Content> {
  return { type, plain, gzipped: await promisify(gzip)(plain), etag: etagOf(plain) }
}

/** A short text, which is not worth compressing. */
export function textContent(type: string, text: string): Content {
  const plain = Buffer.from(text)
  return { type, plain, gzipped: plain, etag: etagOf(plain) }
}

function etagOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

/** Sends content unless the caller has it, gzipped if the caller accepts that. */
export function sendContent(ctx: FacadeContext, content: Content, cacheControl: string): void {
  const { type, plain, gzipped, etag } = content
  ctx.set('Cache-Control', cacheControl)
  ctx.vary('Accept-Encoding')
  ctx.etag = etag
  ctx.status = 200
  if (ctx.fresh) {
    ctx.status = 304
    return
  }
  ctx.type = type
  const isGzipped = gzipped !== plain && ctx.acceptsEncodings('gzip', 'identity') === 'gzip'
  if (isGzipped) ctx.set('Content-Encoding', 'gzip')
  ctx.body = isGzipped ? gzipped : plain
}
