import type { Router } from '@koa/router'
import type { FacadeState } from '../context.ts'

/**
 * The routes. A literal path, such as /api/jobs/delegate, is never a parameter of another route: under a method that it
 * lacks, the request goes on to `unmatched`.
 */
export function routed(router: Router<FacadeState>): ReturnType<typeof router.routes> {
  const serve = router.routes()
  const overlapping = router.stack.filter(
    ({ path }) => isLiteral(path) && hasParameters(router.match(String(path), 'GET').path),
  )
  return async (ctx, next) => {
    const isUnmatched = overlapping.some((layer) => layer.match(ctx.path) && !layer.methods.includes(ctx.method))
    if (isUnmatched) await next()
    else await serve(ctx, next)
  }
}

/** Whether a path has no parameters. */
export function isLiteral(path: string | RegExp): boolean {
  return typeof path === 'string' && !path.includes(':')
}

function hasParameters(layers: readonly { path: string | RegExp }[]): boolean {
  return layers.some(({ path }) => !isLiteral(path))
}
