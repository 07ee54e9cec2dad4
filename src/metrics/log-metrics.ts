import { Counter, type Registry } from 'prom-client'

/** Returns a function that counts a log that is lost. */
export function lostLogs(registry: Registry): () => void {
  const lost = new Counter({
    name: 'github_runnerhub_logs_lost_total',
    help: 'Logs of pods that this process could not archive to their end',
    registers: [registry],
  })
  return () => lost.inc()
}
