import type { KubeObject } from '../../src/api/object.ts'
import type { Pod } from '../../src/api/pod.ts'
import type { RunnerJob } from '../../src/api/runner-job.ts'
import type { RunnerPool } from '../../src/api/runner-pool.ts'
import type { Runner } from '../../src/api/runner.ts'
import { type Caches, makeStores } from '../../src/cluster/caches.ts'
import type { Store } from '../../src/kube/cache/store.ts'
import type { Lease } from '../../src/kube/election/lease.ts'
import { RecordedLog } from '../documents/recorded-log.ts'

/** Gives every store that a reflector fills a complete, empty list. */
export async function fillStores({ jobs, runners, pods, pools, leases }: Omit<Caches, 'reflectors'>): Promise<void> {
  const stores = [jobs, runners, pods, pools, leases]
  await Promise.all(stores.map((store) => store.replaceAll([], '1')))
}

/** Caches that a test fills; each change is delivered like a change in the cluster. */
export class FilledCaches {
  readonly log = new RecordedLog()
  readonly caches: Caches = { ...makeStores(this.log), reflectors: [] }
  #version = 1

  /** As `fillStores`. */
  async fill(): Promise<this> {
    await fillStores(this.caches)
    return this
  }

  putJob(job: RunnerJob): RunnerJob {
    return this.#put(this.caches.jobs, job)
  }

  putRunner(runner: Runner): Runner {
    return this.#put(this.caches.runners, runner)
  }

  putPod(pod: Pod): Pod {
    return this.#put(this.caches.pods, pod)
  }

  putPool(pool: RunnerPool): RunnerPool {
    return this.#put(this.caches.pools, pool)
  }

  putLease(lease: Lease): Lease {
    return this.#put(this.caches.leases, lease)
  }

  remove(object: KubeObject): void {
    const { jobs, runners, pods, pools, leases } = this.caches
    this.#remove(jobs, object)
    this.#remove(runners, object)
    this.#remove(pods, object)
    this.#remove(pools, object)
    this.#remove(leases, object)
  }

  #remove<T extends KubeObject>(store: Store<T>, { metadata: { uid, name, namespace = '' } }: KubeObject): void {
    const last = store.get(`${namespace}/${name}`)
    if (last?.metadata.uid !== uid) return
    store.remove({ ...last, metadata: { ...last.metadata, resourceVersion: this.#next() } })
  }

  #put<T extends KubeObject>(store: Store<T>, object: T): T {
    const next = { ...object, metadata: { ...object.metadata, resourceVersion: this.#next() } }
    store.upsert(next)
    return next
  }

  #next(): string {
    this.#version += 1
    return String(this.#version)
  }
}
