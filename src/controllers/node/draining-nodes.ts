import { type Node, nodes } from '../../api/node.ts'
import { keyOf } from '../../api/object.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Caches } from '../../cluster/caches.ts'
import { NODE_DRAINING } from '../../domain/conditions.ts'
import { isDraining } from '../../domain/node/draining.ts'
import type { NodeSight } from '../../domain/pool/drain-deadline.ts'
import { jobKeyAt } from '../../domain/runner/keys.ts'
import { Reflector, type ReflectorMetrics } from '../../kube/cache/reflector.ts'
import { Store } from '../../kube/cache/store.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import { linkedAbortController } from '../../kube/runtime/signals.ts'

/** How soon nodes are watched again after that was forbidden: somebody may grant the right. */
const FORBIDDEN_MS = 60_000

export interface DrainingNodesOptions {
  client: KubeClient
  caches: Pick<Caches, 'jobs' | 'pods' | 'pools'>
  clock: Clock
  log: Log
  /** Called with each job whose node has begun or ceased to be drained. */
  wakeJob: (jobKey: string) => void
  /** Called with each pool with a deadline once it is known whether nodes can be watched. */
  wakePool: (poolKey: string) => void
  /** Ends the watch. */
  signal: AbortSignal
}

/**
 * The nodes that are being drained. Nodes are watched only while a pool has a deadline for drains: without one, the
 * operator needs no right on them.
 */
export class DrainingNodes {
  readonly #options: DrainingNodesOptions
  readonly #nodes: Store<Node>
  #sight: NodeSight = 'none'
  #stop: (() => void) | undefined

  constructor(options: DrainingNodesOptions) {
    this.#options = options
    this.#nodes = new Store<Node>({ log: options.log, includes: isDraining, transform: withName })
    this.#nodes.onChange(({ old, now }) => this.#wakeJobsOn((now ?? old)?.metadata.name ?? ''))
  }

  /** Whether nodes can be watched. */
  get sight(): NodeSight {
    return this.#sight
  }

  /** Whether a node is being drained; undefined where nobody knows. */
  isDraining(name: string): boolean | undefined {
    return this.#sight === 'watched' ? this.#nodes.get(`/${name}`) !== undefined : undefined
  }

  /** Watches nodes from now on whenever a pool has a deadline. Returns a function that ends that. */
  follow(): () => void {
    const { pools } = this.#options.caches
    const unsubscribe = pools.onChange(({ old, now }) => {
      if (hasDeadline(old) !== hasDeadline(now)) this.#adjust()
    })
    this.#adjust()
    return () => {
      unsubscribe()
      this.#stop?.()
    }
  }

  #adjust(): void {
    const isNeeded = this.#pools().length > 0
    if (isNeeded === (this.#stop !== undefined)) return
    this.#stop?.()
    this.#stop = undefined
    this.#sight = isNeeded ? 'pending' : 'none'
    if (!isNeeded) return
    const watch = linkedAbortController(this.#options.signal)
    this.#stop = () => watch.abort(new Error('no pool needs to know of drains'))
    void this.#watch(watch.signal).finally(watch.release)
  }

  /** Never rejects. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { client, clock, log } = this.#options
    while (!signal.aborted) {
      const attempt = linkedAbortController(signal)
      const metrics = this.#noting(signal, () => attempt.abort(new Error('nodes may not be watched')))
      await new Reflector({
        client,
        clock,
        log,
        resource: nodes,
        namespace: undefined,
        store: this.#nodes,
        metrics,
      }).run(attempt.signal)
      attempt.release()
      await clock.sleep(FORBIDDEN_MS, signal).catch(() => {})
    }
  }

  /** Notes what becomes of the watch until the signal. */
  #noting(signal: AbortSignal, onForbidden: () => void): ReflectorMetrics {
    return {
      listed: () => (signal.aborted ? undefined : this.#see('watched')),
      ended: () => undefined,
      failed: (_, reason) => {
        if (reason !== 'Forbidden' || signal.aborted) return
        this.#see('forbidden')
        onForbidden()
      },
    }
  }

  #see(sight: NodeSight): void {
    if (sight === this.#sight) return
    this.#sight = sight
    for (const pool of this.#pools()) this.#options.wakePool(keyOf(pool))
    if (sight !== 'watched') return
    // Nobody could know of them while they came.
    for (const { metadata } of this.#nodes.list()) this.#wakeJobsOn(metadata.name)
    this.#wakeShown()
  }

  #pools(): RunnerPool[] {
    return [...this.#options.caches.pools.list()].filter(hasDeadline)
  }

  #wakeJobsOn(node: string): void {
    for (const pod of this.#options.caches.pods.byIndex('node', node)) this.#options.wakeJob(jobKeyAt(keyOf(pod)))
  }

  /** Wakes the jobs that show a drain: it may have ended unseen. */
  #wakeShown(): void {
    const { caches, wakeJob } = this.#options
    for (const pod of caches.pods.list()) {
      const jobKey = jobKeyAt(keyOf(pod))
      const { conditions = [] } = caches.jobs.get(jobKey)?.status ?? {}
      if (conditions.some(({ type }) => type === NODE_DRAINING)) wakeJob(jobKey)
    }
  }
}

function hasDeadline(pool: RunnerPool | undefined): boolean {
  return pool?.spec.drainDeadlineSeconds !== undefined
}

/** A whole node is some ten kilobytes. */
function withName({ metadata }: Node): Node {
  const { name, uid, resourceVersion, creationTimestamp } = metadata
  return { metadata: { name, uid, resourceVersion, creationTimestamp }, spec: {} }
}
