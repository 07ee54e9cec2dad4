import { Gauge, type Registry } from 'prom-client'
import { keyOf } from '../api/object.ts'
import { type Runner, type RunnerPhase, runnerPhases } from '../api/runner.ts'
import { type Caches, followShownRunners, jobOf } from '../cluster/caches.ts'
import { hasSynced } from '../cluster/freshness.ts'
import { shownRunnerPhase } from '../domain/runner/plan.ts'

/** Runners by type and status, as GET /api/runners shows them; absent until the caches are synced. */
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

/** The number of Runners by type and phase, updated with each change. */
class Census {
  readonly #caches: Caches
  readonly #groupOf = new Map<string, string>()
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
    const previous = this.#groupOf.get(key)
    const next = runner === undefined ? undefined : `${runner.spec.type} ${this.#phaseOf(runner)}`
    if (previous === next) return
    if (previous !== undefined) this.#counts.set(previous, (this.#counts.get(previous) ?? 1) - 1)
    this.#groupOf.delete(key)
    if (next === undefined) return
    this.#groupOf.set(key, next)
    this.#counts.set(next, (this.#counts.get(next) ?? 0) + 1)
  }

  /** The jobs of a Runner show its phase before its status does, or without a status write. */
  #phaseOf(runner: Runner): RunnerPhase {
    const { type } = runner.spec
    if (type === 'Ephemeral') return shownRunnerPhase(runner, jobOf(this.#caches, runner))
    if (type === 'Dedicated' || runner.status.phase === 'Offline') return runner.status.phase
    return this.#caches.proxyJobs.isDelegating(keyOf(runner)) ? 'Busy' : 'Idle'
  }
}
