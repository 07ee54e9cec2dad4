import type { KubeClient } from '../../../src/kube/client/client.ts'
import { LeaseLost } from '../../../src/kube/client/errors.ts'
import type { ObjectKey } from '../../../src/kube/client/resource-path.ts'
import type { Leadership } from '../../../src/kube/election/leader-election.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { systemClock } from '../../../src/kube/runtime/clock.ts'
import { configMaps, newConfigMap } from '../../objects/config-maps.ts'

const never = new AbortController().signal

/** A change on the API server, in its order. */
type Step = { version: bigint } & ({ is: 'held'; by: string } | { is: 'written'; by: string })

/**
 * Writes the counter from several workers at once. They ignore the term's signal during a request and are mostly between
 * two requests: only the guard prevents the next request after the term.
 */
export function writeWhileLeading(
  client: KubeClient,
  key: ObjectKey,
  identity: string,
  workers = 8,
): (term: Leadership) => Promise<void> {
  return async ({ guard, signal }) => {
    const guarded = client.guarded(guard)
    const write = async (worker: number): Promise<void> => {
      for (let count = 0; !signal.aborted; count += 1) {
        const data = { writer: identity, [`count-${worker}`]: String(count) }
        try {
          await guarded.patchMerge(configMaps, key, { data }, never)
          await systemClock.sleep(100, never)
        } catch (error) {
          if (error instanceof LeaseLost) return
        }
      }
    }
    await Promise.all(Array.from({ length: workers }, (_, worker) => write(worker)))
  }
}

/** Watches a Lease and a counter, and finds writes by an identity that did not hold the Lease, in the API server's order. */
export class RuleOfOne {
  readonly #steps: Step[] = []
  readonly #stop = new AbortController()
  #watches: Promise<void>[] = []

  /** Creates the counter and begins to watch. */
  static async begin(client: KubeClient, key: ObjectKey): Promise<RuleOfOne> {
    const rule = new RuleOfOne()
    const { signal } = rule.#stop
    const { metadata } = await client.create(configMaps, newConfigMap(key.namespace, key.name), signal)
    const options = { resourceVersion: metadata.resourceVersion, fieldSelector: `metadata.name=${key.name}` }
    const watchCounter = async (): Promise<void> => {
      for await (const events of client.watch(configMaps, key.namespace, options, signal)) {
        for (const event of events) {
          if (event.type !== 'MODIFIED') continue
          rule.#add('written', event.object.metadata.resourceVersion, event.object.data?.['writer'])
        }
      }
    }
    const watchLease = async (): Promise<void> => {
      for await (const events of client.watch(leases, key.namespace, options, signal)) {
        for (const event of events) {
          if (event.type === 'BOOKMARK' || event.type === 'ERROR') continue
          rule.#add('held', event.object.metadata.resourceVersion, event.object.spec?.holderIdentity)
        }
      }
    }
    rule.#watches = [watchCounter(), watchLease()].map((watch) => watch.catch((error: unknown) => rule.#broke(error)))
    return rule
  }

  /** The holder of the Lease, as seen so far. */
  get holder(): string {
    return this.#steps.findLast(({ is }) => is === 'held')?.by ?? ''
  }

  writesBy(identity: string): number {
    return this.#steps.filter(({ is, by }) => is === 'written' && by === identity).length
  }

  /** Writes by an identity that did not hold the Lease at that time. */
  violations(): string[] {
    const found: string[] = []
    let holder = ''
    for (const { is, by, version } of [...this.#steps].sort((a, b) => Number(a.version - b.version))) {
      if (is === 'held') holder = by
      else if (by !== holder) found.push(`${by} wrote at ${version} while ${holder || 'nobody'} held the Lease`)
    }
    return found
  }

  /** The holders of the Lease, in order. */
  holders(): string[] {
    const held = this.#steps.filter(({ is }) => is === 'held').map(({ by }) => by)
    return held.filter((by, index) => by !== held[index - 1])
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#watches)
  }

  #add(is: Step['is'], version: string, by = ''): void {
    this.#steps.push({ version: BigInt(version), is, by })
  }

  #broke(error: unknown): void {
    if (!this.#stop.signal.aborted) throw error
  }
}
