import { keyOf } from '../../api/object.ts'
import { type Caches, isMessageLease } from '../../cluster/caches.ts'
import { jobKeyAt } from '../../domain/runner/keys.ts'
import type { Workqueue } from '../../kube/queue/workqueue.ts'
import { queueKey } from '../queue-keys.ts'

/** Adds the message that each change affects to the work queue. Returns a function that unsubscribes. */
export function watchMessages(caches: Caches, queue: Workqueue): () => void {
  const look = (key: string): void => queue.add(queueKey('message', key), 'deferred')
  const lookAtThoseOf = (jobKey: string): void => {
    for (const lease of caches.leases.byIndex('job', jobKey)) look(keyOf(lease))
  }
  const stops = [
    caches.leases.onChange(({ key, now }) => {
      if (now !== undefined && isMessageLease(now)) look(key)
    }),
    caches.jobs.onChange(({ key }) => lookAtThoseOf(key)),
    caches.pods.onChange(({ key }) => lookAtThoseOf(jobKeyAt(key))),
  ]
  for (const lease of caches.leases.list()) if (isMessageLease(lease)) look(keyOf(lease))
  return () => {
    for (const stop of stops) stop()
  }
}
