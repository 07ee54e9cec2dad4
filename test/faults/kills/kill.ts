import type { Operator } from '../../processes/operator.ts'
import type { Site } from '../../site/site.ts'
import type { FaultProxy } from '../proxy/proxy.ts'
import type { Match, Rule, SeenRequest } from '../proxy/rules.ts'

/** Every write of a job's life: of the facade, the controllers and the archive. The leader's Lease is another client's. */
export const WRITES: Match = {
  isWrite: true,
  path: /\/(runnerjobs|runners|pods|secrets|leases|configmaps)(\/|\?|$)/,
  userAgent: /^runnerhub-(controller|facade)/,
}

/** An operator behind a proxy, which is killed at some moment and started again. */
export interface Stage {
  site: Site
  proxy: FaultProxy
  operator: Operator
  /** Its settings. */
  env: Readonly<Record<string, string>>
}

/**
 * Kills the operator at a write from now on, unless something is over before, and starts another. Resolves when the next
 * one works, with whether the write came.
 */
export type Kill = (stage: Stage, write: string, isOver: () => Promise<boolean>) => Promise<boolean>

/** Before the API server has the request. */
export const neverSent: Kill = async (stage, write, isOver) => {
  const stalled = stage.proxy.when(matchOf(write)).stall()
  if (!(await reached(stage, () => stalled.hits > 0, isOver))) {
    stalled.remove()
    return false
  }
  stage.operator.kill()
  const dropped = stage.proxy.when(WRITES).cut()
  stalled.remove()
  await stage.operator.close()
  dropped.remove()
  await startAgain(stage)
  return true
}

/** When the API server has processed the request, before a byte of its response goes back. */
export const neverAnswered: Kill = async (stage, write, isOver) => {
  const processed = stage.proxy.when(matchOf(write)).rewrite((text) => {
    stage.operator.kill()
    return text
  })
  return killedBy(stage, processed, isOver)
}

/** When the response has arrived: what the operator does next with it is lost. */
export const answered: Kill = async (stage, write, isOver) => {
  const passed = stage.proxy.when(matchOf(write)).afterwards(() => stage.operator.kill())
  return killedBy(stage, passed, isOver)
}

async function killedBy(stage: Stage, rule: Rule, isOver: () => Promise<boolean>): Promise<boolean> {
  const isHit = await reached(stage, () => rule.hits > 0, isOver)
  if (isHit) await stage.site.until('the operator to be killed', () => !stage.operator.isRunning)
  rule.remove()
  if (isHit) await startAgain(stage)
  return isHit
}

/** No kill. */
export const spared: Kill = async () => false

async function reached({ site }: Stage, isHit: () => boolean, isOver: () => Promise<boolean>): Promise<boolean> {
  await site.until('the operator to send the request, or the job to end', async () => isHit() || isOver(), 60_000)
  return isHit()
}

async function startAgain(stage: Stage): Promise<void> {
  const { site, proxy, env } = stage
  stage.operator = await site.operator({ proxy, env })
}

/** The requests of a write such as `PUT runnerjobs/status`, or the second of them: `PUT runnerjobs/status 2`. */
function matchOf(write: string): Match {
  const [method = '', kind = '', nth = '1'] = write.split(' ')
  const [plural, subresource] = kind.split('/')
  const name = method === 'POST' ? '' : '/[^/?]+'
  const path = new RegExp(
    `/namespaces/[^/]+/${plural}${name}${subresource === undefined ? '' : `/${subresource}`}(\\?|$)`,
  )
  return { ...WRITES, method, path, nth: Number(nth) }
}

/** The writes of these requests, as words. */
export function writesIn(requests: readonly SeenRequest[]): string[] {
  const counts = new Map<string, number>()
  return requests.map(({ method, path }) => {
    const [, plural = '', subresource] = /\/namespaces\/[^/]+\/(\w+)(?:\/[^/?]+(?:\/(\w+))?)?/.exec(path) ?? []
    const write = `${method} ${plural}${subresource === undefined ? '' : `/${subresource}`}`
    const count = (counts.get(write) ?? 0) + 1
    counts.set(write, count)
    return count === 1 ? write : `${write} ${count}`
  })
}
