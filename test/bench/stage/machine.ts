import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** The load of the machine. */
export interface Surroundings {
  /** The load average of the last minute. */
  load: number
  /** Duration of a fixed loop in milliseconds, which shows a slower machine. */
  loopMs: number
}

export function surroundings(): Surroundings {
  const begun = performance.now()
  let sum = 0
  for (let i = 0; i < 50_000_000; i += 1) sum = (sum + i * 7) % 1_000_003
  const loopMs = performance.now() - begun
  // The sum is used, so that no compiler removes the loop.
  return { load: loadavg()[0] ?? 0, loopMs: sum >= 0 ? Math.round(loopMs) : 0 }
}

/** The machine, as described under the table. */
export function machineText(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  return `${availableParallelism()} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB`
}

/** The resource usage of a process so far. */
export interface Usage {
  cpuSeconds: number
  /** Resident memory now, and at its highest, in MB (a million bytes). */
  rssMb: number
  peakRssMb: number
}

/** Reads the resource usage of a running process from /proc. */
export async function usageOf(pid: number): Promise<Usage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ])
  // The name in parentheses may contain blanks; after it utime and stime are the 12th and 13th field, in hundredths.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Linux writes kB for 1,024 bytes.
  const megabytes = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    rssMb: megabytes('VmRSS'),
    peakRssMb: megabytes('VmHWM'),
  }
}
