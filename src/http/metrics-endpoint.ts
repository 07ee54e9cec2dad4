import type { FacadeDeps, Handlers } from './context.ts'

/** /api/metrics: all metrics of this process, in Prometheus' text format without an envelope. */
export function metricsHandlers({ metrics }: FacadeDeps): Handlers<'metrics'> {
  return {
    metrics: async (ctx) => {
      ctx.type = metrics.contentType
      ctx.body = await metrics.text()
    },
  }
}
