import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** What else the machine was busy with. */
export interface Surroundings {
  /** The load average of the last minute. */
  load: number
  /** How long a fixed piece of work took, in milliseconds: it shows a machine that is slower than it was. */
  loopMs: number
}

export function surroundings(): Surroundings {
  const begun = performance.now()
  let sum = 0
  for (let i = 0; i < 50_000_000; i += 1) sum = (sum + i * 7) % 1_000_003
  const loopMs = performance.now() - begun
  // The sum is looked at, so that no compiler leaves the loop out.
  return { load: loadavg()[0] ?? 0, loopMs: sum >= 0 ? Math.round(loopMs) : 0 }
}

/** The machine, in the words of the table's conditions. */
export function machineText(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  return `${availableParallelism()} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB`
}

/** What a process has used so far. */
export interface Usage {
  cpuSeconds: number
  /** Resident memory now, and at its highest, in MB (a million bytes). */
  rssMb: number
  peakRssMb: number
}

/** Reads Linux's account of a running process. */
export async function usageOf(pid: number): Promise<Usage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ])
  // The name in parentheses may hold blanks; after it utime and stime are the 12th and 13th field, in hundredths.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Linux says kB and means 1,024 bytes.
  const megabytes = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    rssMb: megabytes('VmRSS'),
    peakRssMb: megabytes('VmHWM'),
  }
}
