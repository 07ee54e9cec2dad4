import { expect } from 'chai'
import { podState } from '../../../../src/domain/pod/state.ts'
import { occupiesSlot } from '../../../../src/domain/pool/slots.ts'
import {
  aContainer,
  aJob,
  aPod,
  aRunner,
  deletedAt,
  ended,
  podStatus,
  running,
  stamp,
} from '../../../objects/builders.ts'

const job = aJob()
const runner = aRunner()
const cancelled = aJob({ status: { phase: 'Cancelled' } })
const reported = aJob({ status: { phase: 'Running', reason: 'Reported', reported: { at: stamp(5) } } })
const absent = podState(undefined)
const runningPod = podState(aPod({ status: podStatus('Running', aContainer(running)) }))
const overPod = podState(aPod({ status: podStatus('Failed', aContainer(ended(1))) }))

const cases: [behaviour: string, held: boolean, ...of: Parameters<typeof occupiesSlot>][] = [
  ['occupied by a Runner whose pod is being created', true, runner, job, absent],
  ['occupied by a waiting pod', true, runner, job, podState(aPod())],
  ['occupied by a running pod', true, runner, job, runningPod],
  ['occupied by the pod of a cancelled job until it has stopped', true, runner, cancelled, runningPod],
  ['occupied by a pod that is being deleted', true, runner, job, podState(aPod({ metadata: deletedAt(1) }))],
  ['occupied by a running pod without a Runner', true, undefined, undefined, runningPod],
  ['free when the pod is terminal, though it is kept for its log', false, runner, job, overPod],
  ['free without a Runner and a pod', false, undefined, job, absent],
  ['free when the job was cancelled before its pod was created', false, runner, cancelled, absent],
  ['free when the job was deleted before its pod was created', false, runner, undefined, absent],
  ['free when a proxy runner runs the job before its pod was created', false, runner, reported, absent],
  ['free when the pod was refused', false, aRunner({ status: { phase: 'Stopping' } }), job, absent],
  ['free when the pod is gone', false, aRunner({ status: { phase: 'Busy', podUID: 'pod' } }), job, absent],
  ['free when a pod was seen and is gone', false, aRunner({ status: { podUID: 'pod' } }), job, absent],
]

describe('a slot of a pool', () => {
  for (const [behaviour, held, ...of] of cases) it(`is ${behaviour}`, () => expect(occupiesSlot(...of)).to.equal(held))
})
