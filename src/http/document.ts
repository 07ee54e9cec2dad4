import { createHash } from 'node:crypto'
import type { Handlers } from './handlers.ts'
import { openApiDocument } from './openapi.ts'
import type { FacadeParts } from './parts.ts'

/** GET /openapi.json: open to everybody, since it says nothing that the product's own documents do not. */
export function documentHandlers({ version }: FacadeParts): Handlers<'document'> {
  const text = JSON.stringify(openApiDocument(version))
  const etag = createHash('sha256').update(text).digest('base64url')
  return {
    document: (ctx) => {
      ctx.set('Cache-Control', 'no-cache')
      ctx.etag = etag
      ctx.status = 200
      if (ctx.fresh) ctx.status = 304
      else {
        ctx.type = 'application/json'
        ctx.body = text
      }
    },
  }
}
