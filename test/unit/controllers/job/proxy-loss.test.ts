import { expect } from 'chai'
import { PROXY, proxyName, RUNNER_TYPE_LABEL } from '../../../../src/api/names.ts'
import type { RunnerJobSpec } from '../../../../src/api/runner-job.ts'
import type { RunnerPhase } from '../../../../src/api/runner.ts'
import { proxyLostAt } from '../../../../src/controllers/job/proxy-loss.ts'
import { aJob, aRunner, at, stamp } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'

const heartbeatMs = 10_000
const message = { id: 'a', parts: 1 }

/** The second at which the proxy runner of a job counts as lost; it was last heard of at second 10. */
function lostAt(spec: Partial<RunnerJobSpec>, phase: RunnerPhase, termBegan = 0): number | undefined {
  const stores = new FilledCaches()
  const name = proxyName('proxy-1')
  const proxy = aRunner({
    metadata: { name, uid: 'proxy-uid', labels: { [RUNNER_TYPE_LABEL]: PROXY }, creationTimestamp: stamp(10) },
    spec: { type: 'Proxy', displayName: 'proxy-1' },
    status: { phase },
  })
  stores.putRunner(proxy)
  const job = aJob({ spec: { runnerName: 'proxy-1', delegatedAt: stamp(5), ...spec } })
  const settings = { startTroubleMs: 1, heartbeatMs, proxyForgetMs: 1, maxProxies: 1 }
  const lost = proxyLostAt({ caches: stores.caches, settings }, job, at(termBegan))
  return lost === undefined ? undefined : (lost.getTime() - at(0).getTime()) / 1000
}

describe('the proxy runner of a handed-over job', () => {
  it('counts as lost after three missed heartbeats, of which its delegation is one', () => {
    expect(lostAt({ message }, 'Offline')).to.equal(40)
    expect(lostAt({ message, delegatedAt: stamp(20) }, 'Offline')).to.equal(50)
  })

  it('does not count as lost before the leader could have heard three', () => {
    expect(lostAt({ message }, 'Offline', 100)).to.equal(130)
  })

  it('is no concern while it is heard of, or where the job was not handed over', () => {
    expect(lostAt({ message }, 'Idle')).to.equal(undefined)
    expect(lostAt({}, 'Offline')).to.equal(undefined)
    expect(lostAt({ message, runnerName: 'another' }, 'Offline')).to.equal(undefined)
  })
})
