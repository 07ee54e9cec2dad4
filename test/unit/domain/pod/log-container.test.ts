import { expect } from 'chai'
import type { PodStatus } from '../../../../src/api/pod.ts'
import { currentLogContainer, logContainer } from '../../../../src/domain/pod/log-container.ts'
import { aContainer, aPod, ended, running } from '../../../objects/builders.ts'

const waiting = aContainer({ waiting: { reason: 'PodInitializing' } })
const [fetched, failed] = [aContainer(ended(0), 'fetch'), aContainer(ended(2), 'setup')]
const neverRan = aContainer({ terminated: { exitCode: 128, reason: 'StartError', startedAt: '1970-01-01T00:00:00Z' } })

const cases: [what: string, status: PodStatus, container: string | undefined][] = [
  ['is the job’s while it runs', { phase: 'Running', containerStatuses: [aContainer(running)] }, 'runner'],
  ['is the job’s after its end', { phase: 'Failed', containerStatuses: [aContainer(ended(1))] }, 'runner'],
  [
    'is that of the failed init container',
    { phase: 'Failed', initContainerStatuses: [fetched, failed], containerStatuses: [waiting] },
    'setup',
  ],
  [
    'is none while init containers run',
    { phase: 'Pending', initContainerStatuses: [fetched, aContainer(running, 'setup')], containerStatuses: [waiting] },
    undefined,
  ],
  [
    'is none while a sidecar restarts: the job may still run',
    { phase: 'Pending', initContainerStatuses: [failed], containerStatuses: [waiting] },
    undefined,
  ],
  [
    'is the job’s if a sidecar failed after it',
    { phase: 'Failed', initContainerStatuses: [failed], containerStatuses: [aContainer(ended(1))] },
    'runner',
  ],
  ['is none if nothing ran', { phase: 'Failed', containerStatuses: [neverRan] }, undefined],
]

describe('the log to show of a pod', () => {
  for (const [what, status, container] of cases) {
    it(what, () => expect(logContainer(aPod({ status }))?.name).to.equal(container))
  }

  describe('at this moment', () => {
    const crashing = { ...aContainer({ waiting: { reason: 'CrashLoopBackOff' } }, 'docker'), restartCount: 3 }
    const pending = { phase: 'Pending', initContainerStatuses: [fetched, crashing], containerStatuses: [waiting] }

    it('is that of a sidecar that keeps the pod from starting, but not for a follower', () => {
      expect(currentLogContainer(aPod({ status: pending }))?.name).to.equal('docker')
      expect(logContainer(aPod({ status: pending }))).to.equal(undefined)
    })

    it('is the job’s once it has started, even if a sidecar crashes', () => {
      const status = { ...pending, phase: 'Running', containerStatuses: [aContainer(running)] }
      expect(currentLogContainer(aPod({ status }))?.name).to.equal('runner')
    })
  })
})
