import { expect } from 'chai'
import { inWords } from '../observe/audit.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'
import { runsOn } from './installation/pools.ts'

/** Writes that a job may cost the controllers, without deletes. */
const budget = 7

describe('the controllers on a real node', () => {
  // One replica, by the plain manifests: the other suites are about the chart.
  const installation = installed({
    own: 'manifests',
    setUp: async (hub) => hub.createPool('short', { script: 'echo begun; sleep 1.5; echo over' }),
  })
  let hub: Installation

  beforeEach(async () => {
    hub = installation()
    await hub.until('the pool to be Ready', async () => (await hub.kubectl('get', 'rp', 'short')).includes('True'))
  })

  it(`write at most ${budget} times for a job that succeeds, and one Event and its log`, async () => {
    await hub.audit.mark()
    const ids = await Promise.all(Array.from({ length: 4 }, () => hub.rest.delegate({ labels: ['short'] })))
    for (const id of ids) await hub.jobIs(id, { phase: 'Completed' })
    const isLetGo = async (id: string) => (await hub.pod(id))?.metadata.finalizers === undefined
    await hub.until('the pods to be without finalizers', async () =>
      (await Promise.all(ids.map(isLetGo))).every(Boolean),
    )

    const { counted, events, other } = await hub.audit.columns(hub.namespace)
    const podsOf = await Promise.all(ids.map((id) => hub.pod(id)))
    const logs = podsOf.map((pod) => `create configmaps log-${pod?.metadata.uid}-end`)
    expect(inWords(other), 'besides one part of each log').to.have.members(logs)
    for (const id of ids) {
      const own = counted.filter(({ name }) => name.startsWith(id))
      if (own.length > budget) console.log(await hub.kubectl('get', 'rj,runners,pods', '-o=yaml'))
      expect(own.length, inWords(own).join('\n')).to.be.within(5, budget)
    }
    expect(counted.length, inWords(counted).join('\n')).to.be.at.most(budget * ids.length)
    expect(events.length, inWords(events).join('\n')).to.be.at.most(ids.length)
  })

  it('do not keep their namespace, if it is deleted while jobs run', async () => {
    await hub.createPool('long', { script: runsOn })
    const ids = await Promise.all([1, 2, 3].map(() => hub.rest.delegate({ labels: ['long'] })))
    for (const id of ids) await hub.jobIs(id, { phase: 'Running' })
    const begun = performance.now()
    await hub.kubectl('delete', 'namespace', hub.namespace, '--timeout=90s')
    expect(performance.now() - begun).to.be.below(60_000)
  })
})
