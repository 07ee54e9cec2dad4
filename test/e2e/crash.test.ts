import { expect } from 'chai'
import { inWords } from '../observe/audit.ts'
import { printed } from './clients/rest.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'
import { killOperator } from './installation/operator-process.ts'

const jobCount = 20

describe('kill -9 of the operator on a real node', () => {
  const installation = installed({
    own: 'manifests',
    // Fewer places than jobs: at the kill some are over, some run, some wait.
    setUp: async (hub) => hub.createPool('slow', { script: 'echo begun; sleep 2; echo over', maxRunners: 7 }),
  })
  let hub: Installation

  beforeEach(() => {
    hub = installation()
  })

  it(`in the middle of ${jobCount} jobs: each runs once, in one pod, and succeeds`, async () => {
    await hub.audit.mark()
    const numbers = Array.from({ length: jobCount }, (_, index) => index)
    const ids = await Promise.all(numbers.map(() => hub.rest.delegate({ labels: ['slow'] })))
    const phases = async () => Object.groupBy(await hub.jobs(), ({ status }) => status.phase)
    await hub.until('the jobs to be in every stage', async () => {
      const { Queued = [], Running = [], Completed = [] } = await phases()
      return Queued.length > 0 && Running.length > 0 && Completed.length > 0
    })
    await killOperator(hub)

    await hub.until('all to be over', async () => ((await phases()).Completed ?? []).length === jobCount, 60_000)
    const writes = await hub.audit.writes(hub.namespace)
    const created = writes.filter(
      ({ verb, resource, subresource, code, userAgent }) =>
        verb === 'create' &&
        resource === 'pods' &&
        subresource === '' &&
        code < 300 &&
        userAgent.startsWith('runnerhub-'),
    )
    expect(
      created
        .filter(({ isDryRun }) => !isDryRun)
        .map(({ name }) => name)
        .sort(),
      inWords(created).join('\n'),
    ).to.deep.equal(ids.map((id) => `${id}-1`).sort())
    for (const id of ids) {
      await hub.restShows(id, 'completed')
      expect(printed(await hub.rest.log(id))).to.deep.equal(['begun', 'over'])
    }
  })
})
