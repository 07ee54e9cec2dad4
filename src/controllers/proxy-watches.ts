import type { Caches } from '../cluster/caches.ts'
import type { Workqueue } from '../kube/workqueue.ts'
import type { Delegations } from './delegations.ts'
import { queueKey } from './queue-keys.ts'

/** Says which change has to be looked at for which proxy runner. Ends its subscriptions when called. */
export function watchProxies(caches: Caches, queue: Workqueue, delegations: Delegations): () => void {
  const look = (key: string): void => queue.add(queueKey('proxy', key), 'deferred')
  const stops = [
    caches.jobs.onChange(({ old, now }) => {
      if (old === undefined && now !== undefined) delegations.note(now)
    }),
    caches.runners.onChange(({ key, old, now }) => {
      if ((now ?? old)?.spec.type === 'Proxy') look(key)
    }),
    caches.leases.onChange(({ key }) => look(key)),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
