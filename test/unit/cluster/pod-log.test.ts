import { expect } from 'chai'
import { JOB_UID_LABEL } from '../../../src/api/names.ts'
import type { Pod } from '../../../src/api/pod.ts'
import type { RunnerJobStatus } from '../../../src/api/runner-job.ts'
import { logPod } from '../../../src/cluster/pod-log.ts'
import { aJob, aPod, aRunner } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

const job = aJob()
const runner = aRunner({ job })
const runnerRef = { name: runner.metadata.name, uid: runner.metadata.uid }
const pod = aPod({ runner })
const earlierJob = aJob({ metadata: { uid: 'earlier-uid' } })
const earlierRunner = aRunner({ job, metadata: { uid: 'earlier-runner-uid' } })

interface Case {
  pod?: Pod
  /** The Runner in the cache is gone, or another one. */
  runner?: typeof runner | 'gone'
  status?: Partial<RunnerJobStatus>
  isRead: boolean
}

const cases: Record<string, Case> = {
  'of the job’s own Runner, before anything is written of it': { isRead: true },
  'that the job names as its own': { status: { runnerRef, podUID: pod.metadata.uid }, isRead: true },
  'of a Runner that is gone, by what the job says': { runner: 'gone', status: { runnerRef }, isRead: true },
  'of an earlier job of the same name': {
    pod: aPod({ runner: aRunner({ job: earlierJob, metadata: { uid: 'earlier-runner-uid' } }) }),
    isRead: false,
  },
  'of the job’s own Runner, whatever its labels say': {
    pod: aPod({ runner, metadata: { labels: { ...runner.metadata.labels, [JOB_UID_LABEL]: 'earlier-uid' } } }),
    isRead: true,
  },
  'of an earlier Runner of the same name': { pod: aPod({ runner: earlierRunner }), isRead: false },
  'of another Runner than the job says': {
    runner: earlierRunner,
    pod: aPod({ runner: earlierRunner }),
    status: { runnerRef },
    isRead: false,
  },
  'of no Runner': { pod: aPod({ runner, metadata: { ownerReferences: [] } }), isRead: false },
  'of no Runner, where none is known': {
    runner: 'gone',
    pod: aPod({ runner, metadata: { ownerReferences: [] } }),
    isRead: false,
  },
  'whose Runner nobody knows': { runner: 'gone', isRead: false },
  'with another UID than the job says': { status: { runnerRef, podUID: 'first-pod-uid' }, isRead: false },
}

describe('the log of a job', () => {
  for (const [what, { pod: cached = pod, runner: known = runner, status, isRead }] of Object.entries(cases)) {
    it(`${isRead ? 'is that' : 'is not that'} of a pod ${what}`, () => {
      const stores = new FilledCaches()
      const owner = stores.putJob({ ...job, status: { ...job.status, ...status } })
      if (known !== 'gone') stores.putRunner(known)
      stores.putPod(cached)
      expect(logPod(stores, owner)?.metadata.uid).to.equal(isRead ? cached.metadata.uid : undefined)
    })
  }

  it('is absent without a pod', () => {
    const stores = new FilledCaches()
    stores.putRunner(runner)
    expect(logPod(stores, stores.putJob(job))).to.equal(undefined)
  })
})
