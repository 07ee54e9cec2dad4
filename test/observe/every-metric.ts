import type { Kind } from '../../src/controllers/queue-keys.ts'
import { openApiDocument } from '../../src/http/openapi/document.ts'
import { routes } from '../../src/http/routes.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import type { Outcome } from '../../src/kube/controller/controller.ts'
import type { Metrics } from '../../src/metrics/registry.ts'
import { restartReasons } from '../../src/metrics/runtime-metrics.ts'

const kinds = {
  job: true,
  runner: true,
  pod: true,
  pool: true,
  proxy: true,
  ledger: true,
  message: true,
} satisfies Record<Kind, true>

/** Status codes of responses that are sent before routing. */
const beforeRoutes = new Set([401, 408, 431])

/** Records everything that the parts of the operator may record, so that every series exists. */
export function recordEverything({ controllers, reflectors, onApiRequest, realtime, answered }: Metrics): void {
  for (const kind of Object.keys(kinds)) {
    const outcomes: Outcome[] = ['success', 'requeue_after', 'conflict', 'error']
    for (const outcome of outcomes) controllers.passed('runnerhub', outcome, 0.1, `${kind}:ns/name`)
  }
  for (const lane of ['urgent', 'deferred'] as const) controllers.waited('runnerhub', lane, 0.1)
  for (const resource of ['runnerjobs', 'runners', 'pods', 'runnerpools', 'configmaps', 'leases']) {
    reflectors.listed(resource, 1)
    reflectors.ended(resource)
    for (const reason of [...restartReasons, 'text']) reflectors.failed(resource, reason)
  }
  for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']) {
    const own = [verb === 'create' ? 201 : 200, ...(['list', 'watch'].includes(verb) ? [410] : [])]
    for (const code of [0, ...own, 400, 401, 403, 404, 409, 422, 429, 500, 503]) {
      onApiRequest({ verb, resource: 'any', code, seconds: 0.1 })
    }
  }
  for (const { route, code } of documentedAnswers()) answered(beforeRoutes.has(code) ? 'none' : route, code, 0.1)
  for (const code of [204, 400, 404, 405, 413, 429, 500, 503]) answered('none', code)
  for (const transport of ['websocket', 'socketio'] as const) {
    realtime.joined(transport)
    realtime.sent(transport)
    realtime.cutOff(transport)
  }
}

/** Every status code of every route in the OpenAPI document. */
function documentedAnswers(): { route: string; code: number }[] {
  const { paths } = openApiDocument('1.2.3')
  return routes.flatMap(({ name, method, path }) => {
    const item = asObject(asObject(paths)[path.replaceAll(/:(\w+)/g, '{$1}')])
    const { responses } = asObject(item[method.toLowerCase()])
    return Object.keys(asObject(responses)).map((code) => ({ route: name, code: Number(code) }))
  })
}
