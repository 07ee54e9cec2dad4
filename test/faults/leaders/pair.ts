import type { Operator } from '../../processes/operator.ts'
import { runs } from '../../kubelet/script.ts'
import { operatorToken } from '../../site/namespace.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'
import { HandOver } from './hand-over.ts'

export const LEASE_SECONDS = 5

export interface Replica {
  operator: Operator
  proxy: FaultProxy
  /** Its own, by which the audit log distinguishes it. */
  token: string
}

export interface Pair {
  site: Site
  leader: Replica
  standby: Replica
  /** What the API server saw of the change of leader. */
  handOver: HandOver
}

/**
 * Two replicas, each with its own proxy; the first leads. The second does not use its proxy unless the test disturbs
 * both: what it sends through the busy process of the tests arrives late. Afterwards all jobs must be right.
 */
export async function withPair(disturbs: 'leader' | 'both', test: (pair: Pair) => Promise<void>): Promise<void> {
  const site = await openSite()
  const proxies: FaultProxy[] = []
  const start = async (identity: string, isBehind: boolean): Promise<Replica> => {
    const proxy = await startFaultProxy(site.plane.controlPlane)
    proxies.push(proxy)
    const token = await operatorToken(site.client, site.namespace)
    const env = { LEASE_SECONDS: String(LEASE_SECONDS) }
    const options = { identity, token, env, ...(isBehind && { proxy }) }
    return { proxy, token, operator: await site.operator(options) }
  }
  try {
    await site.createPool('default', { maxRunners: 100 })
    site.kubelet.onPod(() => runs())
    const leader = await start('first', true)
    await leader.operator.leads()
    const handOver = await HandOver.begin(site)
    await test({ site, handOver, leader, standby: await start('second', disturbs === 'both') })
    await site.checkInvariants()
  } finally {
    await site.close()
    await Promise.all(proxies.map((proxy) => proxy.close()))
  }
}
