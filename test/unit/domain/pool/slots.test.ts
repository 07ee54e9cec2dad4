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
  ['taken by a Runner whose pod is being made', true, runner, job, absent],
  ['taken by a waiting pod', true, runner, job, podState(aPod())],
  ['taken by a running pod', true, runner, job, runningPod],
  ['taken by the pod of a cancelled job until it has stopped', true, runner, cancelled, runningPod],
  ['taken by a pod that is being deleted', true, runner, job, podState(aPod({ metadata: deletedAt(1) }))],
  ['taken by a running pod without a Runner', true, undefined, undefined, runningPod],
  ['free when the pod is over, though it is kept for its log', false, runner, job, overPod],
  ['free when nothing is there', false, undefined, job, absent],
  ['free when the job was cancelled before its pod was made', false, runner, cancelled, absent],
  ['free when the job is gone before its pod was made', false, runner, undefined, absent],
  ['free when somebody else runs the job before its pod was made', false, runner, reported, absent],
  ['free when the pod was refused', false, aRunner({ status: { phase: 'Stopping' } }), job, absent],
  ['free when the pod is gone', false, aRunner({ status: { phase: 'Busy', podUID: 'pod' } }), job, absent],
  ['free when a pod was seen and is gone', false, aRunner({ status: { podUID: 'pod' } }), job, absent],
]

describe('a slot of a pool', () => {
  for (const [behaviour, held, ...of] of cases) it(`is ${behaviour}`, () => expect(occupiesSlot(...of)).to.equal(held))
})
