import type { FacadeDeps, Handlers } from './context.ts'

/** /api/metrics: everything that this process measures, in a form of its own. */
export function metricsHandlers({ metrics }: FacadeDeps): Handlers<'metrics'> {
  return {
    metrics: async (ctx) => {
      ctx.type = metrics.contentType
      ctx.body = await metrics.text()
    },
  }
}
