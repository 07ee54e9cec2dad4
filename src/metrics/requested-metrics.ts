import { Counter, type Registry } from 'prom-client'
import type { Requested } from '../api/runner-job.ts'
import type { JobTotals } from '../cluster/job-totals.ts'

const MEBIBYTE = 2 ** 20

/** What finished jobs requested, by repository: totals of the cluster, the same in every process. */
export function requestedTotals(registry: Registry, totals: JobTotals): void {
  const counter = (name: string, help: string, valueOf: (requested: Requested) => number): void => {
    // oxlint-disable-next-line no-new -- it registers itself
    new Counter({
      name,
      help,
      labelNames: ['repository'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [repository, requested] of totals.readRequested()) this.inc({ repository }, valueOf(requested))
      },
    })
  }
  counter(
    'github_runnerhub_requested_cpu_seconds_total',
    'Requested CPU of finished jobs, in cores, times the time that their pods held a node',
    ({ cpuMillicoreSeconds }) => cpuMillicoreSeconds / 1000,
  )
  counter(
    'github_runnerhub_requested_memory_byte_seconds_total',
    'Requested memory of finished jobs, times the time that their pods held a node',
    ({ memoryMebibyteSeconds }) => memoryMebibyteSeconds * MEBIBYTE,
  )
}
