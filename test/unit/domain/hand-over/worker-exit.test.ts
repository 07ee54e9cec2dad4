import { expect } from 'chai'
import { MODE_LABEL } from '../../../../src/api/names.ts'
import type { Pod, PodStatus } from '../../../../src/api/pod.ts'
import { planJob } from '../../../../src/domain/job/plan.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { aContainer, aJob, aPod, aRunner, at, deletedAt, ended, podStatus } from '../../../objects/builders.ts'

const job = aJob({ spec: { message: { id: 'a', parts: 1 } }, status: { phase: 'Running' } })

function workerPod(status: PodStatus, metadata: Partial<Pod['metadata']> = {}): Pod {
  const pod = aPod({ status, metadata })
  return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [MODE_LABEL]: 'Worker' } } }
}

/** What becomes of the job of a pod. */
function verdict(pod: Pod): string {
  const runner = aRunner({ job, status: { phase: 'Busy', podUID: pod.metadata.uid } })
  const times = { finishedPodTtlMs: 600_000, startTroubleMs: 60_000, now: at(60) }
  const { status } = planJob({ job, runner, pod: podState(pod), admission: { is: 'next', message: '' }, ...times })
  return [status?.phase, status?.reason, status?.result ?? '-', status?.exitCode ?? '-', status?.message].join(' | ')
}

function ranTo(code: number, given: Parameters<typeof ended>[1] = {}): PodStatus {
  return podStatus('Failed', aContainer(ended(code, given)))
}

const evicted = { reason: 'Evicted', message: 'low on memory' }

const cases: [what: string, pod: Pod, verdict: string][] = [
  ['100', workerPod(ranTo(100)), 'Completed | Succeeded | Succeeded | 100'],
  ['101', workerPod(ranTo(101)), 'Completed | Succeeded | SucceededWithIssues | 101'],
  ['102', workerPod(ranTo(102)), 'Failed | ExitCode | Failed | 102'],
  ['103', workerPod(ranTo(103)), 'Cancelled | CancelRequested | Canceled | 103'],
  ['104', workerPod(ranTo(104)), 'Completed | Succeeded | Skipped | 104'],
  ['105', workerPod(ranTo(105)), 'Failed | ExitCode | Abandoned | 105'],
  [
    '0, which says nothing',
    workerPod(ranTo(0)),
    'Failed | ExitCode | - | 0 | exit code 0, which is no result of a runner',
  ],
  ['106', workerPod(ranTo(106)), 'Failed | ExitCode | - | 106'],
  ['99', workerPod(ranTo(99)), 'Failed | ExitCode | - | 99'],
  ['100 of a pod that ran no Worker', aPod({ status: ranTo(100) }), 'Failed | ExitCode | - | 100 | exit code 100'],
  [
    '100 although a step was killed for its memory',
    workerPod(ranTo(100, { reason: 'OOMKilled' })),
    'Completed | Succeeded | Succeeded | 100',
  ],
  ['137 for its memory', workerPod(ranTo(137, { reason: 'OOMKilled' })), 'Failed | OOMKilled | - | 137'],
  [
    '100 in a pod that was being deleted: it was done',
    workerPod(ranTo(100), deletedAt(15)),
    'Completed | Succeeded | Succeeded | 100',
  ],
  ['102 in a pod that was evicted', workerPod({ ...ranTo(102), ...evicted }), 'Failed | ExitCode | Failed | 102'],
  ['103 in a pod that was evicted', workerPod({ ...ranTo(103), ...evicted }), 'Failed | Evicted | Canceled | 103'],
  ['103 in a pod that somebody deleted', workerPod(ranTo(103), deletedAt(15)), 'Failed | PodDeleted | Canceled | 103'],
  ['137 in a pod that somebody deleted', workerPod(ranTo(137), deletedAt(15)), 'Failed | PodDeleted | - | 137'],
  [
    '1 with the agent’s reason',
    workerPod(ranTo(1, { message: 'RunnerVersionMismatch: here 2.335.0, on the proxy 2.336.0' })),
    'Failed | RunnerVersionMismatch | - | 1 | here 2.335.0, on the proxy 2.336.0',
  ],
  [
    '1 with a text that gives no reason that the agent may give',
    workerPod(ranTo(1, { message: 'Evicted: says the job' })),
    'Failed | ExitCode | - | 1 | exit code 1, which is no result of a runner: Evicted: says the job',
  ],
  [
    '100 with the agent’s reason, which then counts for nothing',
    workerPod(ranTo(100, { message: 'RunnerVersionMismatch: says the job' })),
    'Completed | Succeeded | Succeeded | 100 | the runner says Succeeded (exit code 100)',
  ],
]

describe('the exit code of a runner’s Worker', () => {
  for (const [what, pod, wanted] of cases) {
    it(`${what}: ${wanted}`, () => {
      expect(verdict(pod).slice(0, wanted.length)).to.equal(wanted)
    })
  }
})
