import { Gauge, type Registry } from 'prom-client'
import { type DriftKind, driftKinds } from '../domain/drift/drift.ts'

/** Returns a function that sets how many objects of each kind have drifted. */
export function driftGauge(registry: Registry): (counts: Readonly<Record<DriftKind, number>>) => void {
  const drifted = new Gauge({
    name: 'github_runnerhub_drift_objects',
    help: 'Objects that did not fit the others when this process last compared them as leader, by kind',
    labelNames: ['kind'],
    registers: [registry],
  })
  for (const kind of driftKinds) drifted.set({ kind }, 0)
  return (counts) => {
    for (const kind of driftKinds) drifted.set({ kind }, counts[kind])
  }
}
