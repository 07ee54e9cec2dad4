import { routes } from '../src/http/routes.ts'
import type { Outcome } from '../src/kube/controller.ts'
import type { Metrics } from '../src/metrics/metrics.ts'

/** Tells metrics all that the parts of the operator may tell, so that every series is there. */
export function tellEverything({ controllers, reflectors, onApiRequest, realtime, answered }: Metrics): void {
  for (const kind of ['job', 'runner', 'pod', 'pool', 'ledger']) {
    const outcomes: Outcome[] = ['success', 'later', 'conflict', 'error', 'terminal']
    for (const outcome of outcomes) controllers.passed('runnerhub', outcome, 0.1, `${kind}:ns/name`)
  }
  for (const lane of ['urgent', 'deferred'] as const) controllers.waited('runnerhub', lane, 0.1)
  for (const resource of ['runnerjobs', 'runners', 'pods', 'runnerpools', 'configmaps', 'leases']) {
    reflectors.listed(resource, 1)
    reflectors.ended(resource)
    for (const reason of ['Gone', 'Unreachable', 'Malformed', 'Forbidden', 'Any', 'text']) {
      reflectors.failed(resource, reason)
    }
  }
  for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']) {
    for (const code of [0, 200, 201, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503]) {
      onApiRequest({ verb, resource: 'any', code, seconds: 0.1 })
    }
  }
  for (const { name } of routes) for (const code of [200, 401, 403, 503]) answered(name, code, 0.1)
  for (const transport of ['websocket', 'socketio'] as const) {
    realtime.joined(transport)
    realtime.sent(transport)
    realtime.cutOff(transport)
  }
}
