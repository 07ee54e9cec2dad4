import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { eventually } from '../../observe/eventually.ts'
import { freePort } from '../../processes/free-port.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { Operator } from '../stage/operator.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage } from '../stage/stage.ts'
import { median } from '../statistics.ts'
import { createFinishedJobs } from './backlog.ts'

const starts = 5

export interface StartResult {
  jobs: number
  surroundings: Surroundings
  /** From the start of the process to the first 200 of /readyz, in milliseconds: the median of five starts. */
  readyMs: number
  /** Resident memory five seconds later, in MB: the median. */
  idleRssMb: number
}

/** Starts the operator repeatedly with existing jobs. The jobs are finished, so that it idles. */
export function measureStart(jobs: number, shipped: Shipped): Promise<StartResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const place = await stage.place('runnerhub')
    await createFinishedJobs(stage, place, jobs)
    const readyMs: number[] = []
    const idleRssMb: number[] = []
    for (let count = 0; count < starts; count += 1) {
      const port = await freePort()
      const begun = performance.now()
      const operator = await Operator.start(stage, place, shipped, { HTTP_PORT: String(port) })
      try {
        await operator.during(
          eventually(() => isReady(port), { everyMs: 5, withinMs: 60_000, what: 'the operator to be ready' }),
        )
        readyMs.push(performance.now() - begun)
        await sleep(5000)
        idleRssMb.push((await operator.usage()).rssMb)
      } finally {
        await operator.stop()
      }
    }
    return { jobs, surroundings: around, readyMs: median(readyMs), idleRssMb: median(idleRssMb) }
  })
}

async function isReady(port: number): Promise<boolean> {
  const pool = new Pool(`http://127.0.0.1:${port}`)
  try {
    const { statusCode, body } = await pool.request({ method: 'GET', path: '/readyz' })
    await body.dump()
    return statusCode === 200
  } catch {
    return false
  } finally {
    await pool.close()
  }
}
