import type { Router } from '@koa/router'
import type { FacadeContext, FacadeMiddleware, FacadeState } from '../context.ts'
import { HttpError, notFound } from '../http-error.ts'
import { isLiteral } from './routed.ts'

/**
 * Responds to requests that no route has taken. A path that exists under other methods gets 405 with these methods, or
 * 204 for OPTIONS; any other path gets 404.
 */
export function unmatched(router: Router<FacadeState>): FacadeMiddleware {
  return (ctx) => {
    const methods = new Set(layersFor(ctx, router).flatMap((layer) => layer.methods))
    if (methods.size === 0) throw notFound('path')
    const allow = [...methods.add('OPTIONS')].sort().join(', ')
    if (ctx.method === 'OPTIONS') {
      ctx.status = 204
      ctx.set('Allow', allow)
      return
    }
    throw new HttpError(405, 'MethodNotAllowed', `${ctx.method} is not allowed here, only ${allow}`, { Allow: allow })
  }
}

/** The layers of the path; `OPTIONS *` asks for those of the whole server (RFC 9110, section 9.3.7). */
function layersFor({ method, path }: FacadeContext, router: Router<FacadeState>): readonly { methods: string[] }[] {
  if (method === 'OPTIONS' && path === '*') return router.stack
  const layers = router.match(path, method).path
  const literal = layers.filter((layer) => isLiteral(layer.path))
  return literal.length > 0 ? literal : layers
}
