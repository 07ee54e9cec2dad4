import { createHash } from 'node:crypto'
import type { Router } from '@koa/router'
import { openApiDocument } from './openapi.ts'
import type { FacadeParts } from './parts.ts'
import type { FacadeState } from './state.ts'

/** GET /openapi.json: open to everybody, since it says nothing that the product's own documents do not. */
export function documentRoutes(router: Router<FacadeState>, { version }: FacadeParts): void {
  const text = JSON.stringify(openApiDocument(version))
  const etag = createHash('sha256').update(text).digest('base64url')
  router.get('/openapi.json', (ctx) => {
    ctx.set('Cache-Control', 'no-cache')
    ctx.etag = etag
    ctx.status = 200
    if (ctx.fresh) ctx.status = 304
    else {
      ctx.type = 'application/json'
      ctx.body = text
    }
  })
}
