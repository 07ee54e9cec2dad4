import { Gauge, type Registry } from 'prom-client'
import { keyOf } from '../api/object.ts'
import { type Runner, type RunnerPhase, runnerPhases } from '../api/runner.ts'
import { type Caches, followShownRunners, jobOf } from '../cluster/caches.ts'
import { hasSynced } from '../cluster/freshness.ts'
import { shownRunnerPhase } from '../domain/runner/plan.ts'

/** Runners by type and status, as GET /api/runners shows them; none before the caches are filled. */
export function runnerMetrics(registry: Registry, caches: Caches): void {
  const count = new Census(caches)
  // oxlint-disable-next-line no-new -- it registers itself
  new Gauge({
    name: 'github_runnerhub_runners',
    help: 'Runners by type and status',
    labelNames: ['type', 'status'],
    registers: [registry],
    collect() {
      if (!hasSynced(caches)) return
      for (const type of ['Proxy', 'Ephemeral', 'Dedicated']) {
        for (const phase of runnerPhases) {
          this.set({ type: type.toLowerCase(), status: phase.toLowerCase() }, count.of(type, phase))
        }
      }
    },
  })
}

/** How many Runners there are of each type in each phase, kept up change by change. */
class Census {
  readonly #caches: Caches
  readonly #placeOf = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  constructor(caches: Caches) {
    this.#caches = caches
    caches.proxyJobs.onChange((key) => this.#put(key))
    followShownRunners(caches, (key) => this.#put(key))
  }

  of(type: string, phase: string): number {
    return this.#counts.get(`${type} ${phase}`) ?? 0
  }

  #put(key: string): void {
    const runner = this.#caches.runners.get(key)
    const was = this.#placeOf.get(key)
    const is = runner === undefined ? undefined : `${runner.spec.type} ${this.#phaseOf(runner)}`
    if (was === is) return
    if (was !== undefined) this.#counts.set(was, (this.#counts.get(was) ?? 1) - 1)
    this.#placeOf.delete(key)
    if (is === undefined) return
    this.#placeOf.set(key, is)
    this.#counts.set(is, (this.#counts.get(is) ?? 0) + 1)
  }

  /** What a Runner does shows in its jobs before it is written, or without that. */
  #phaseOf(runner: Runner): RunnerPhase {
    const { type } = runner.spec
    if (type === 'Ephemeral') return shownRunnerPhase(runner, jobOf(this.#caches, runner))
    if (type === 'Dedicated' || runner.status.phase === 'Offline') return runner.status.phase
    return this.#caches.proxyJobs.isDelegating(keyOf(runner)) ? 'Busy' : 'Idle'
  }
}
