import type { Pod } from '../../../src/api/pod.ts'
import type { NodeLogs } from '../../kubelet/logs.ts'
import { exited, runs, type Script } from '../../kubelet/script.ts'
import type { Site } from '../../site/site.ts'
import { type Arrival, failureCode } from './arrivals.ts'

/** Writes the numbered lines of each job of a load, as its pod runs, and ends its log with its container. */
export class JobLogs {
  readonly #logs: NodeLogs

  constructor(site: Site, logs: NodeLogs) {
    this.#logs = logs
    site.kubelet.pods.onChange(({ old, now }) => {
      if (now === undefined) {
        if (old !== undefined) logs.remove(old.metadata.name)
      } else if (now.status?.phase === 'Succeeded' || now.status?.phase === 'Failed') logs.end(now.metadata.name)
    })
  }

  /** The script of a job's pod. Half of its lines come at its end, unless its end comes from outside. */
  scriptOf(pod: Pod, arrival: Arrival | undefined): Script {
    if (arrival === undefined) return runs()
    const { fate, lines, forMs } = arrival
    const endsAlone = fate === 'Completed' || fate === 'Failed'
    const atFirst = endsAlone ? Math.floor(lines / 2) : lines
    this.#write(pod, 0, atFirst)
    if (!endsAlone) return runs()
    let hasWritten = false
    const end = (now: Pod): Record<string, unknown> => {
      // A write of the status may be tried again.
      if (!hasWritten) this.#write(pod, atFirst, lines)
      hasWritten = true
      const succeeds = arrival.via === 'message' ? 100 : 0
      return exited(now, fate === 'Completed' ? succeeds : failureCode(arrival))
    }
    return { steps: [...runs().steps, { afterMs: forMs, act: end }] }
  }

  #write({ metadata }: Pod, from: number, to: number): void {
    for (let line = from; line < to; line += 1) this.#logs.write(metadata.name, `line ${line}`)
  }
}
