import { expect } from 'chai'
import { JOB_LABEL, MANAGED_BY, MANAGED_BY_LABEL, MESSAGE_LABEL, PARTS_ANNOTATION } from '../../../../src/api/names.ts'
import type { ObjectMeta } from '../../../../src/api/object.ts'
import {
  driftOfMessage,
  messageMarks,
  type MessagePlace,
  needsMessage,
} from '../../../../src/domain/drift/message-drift.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { aContainer, aJob, aPod, at, podStatus, running, t0 } from '../../../objects/builders.ts'

const message = { id: 'mine', parts: 2 }
const job = aJob({ spec: { message } })
const marks = messageMarks({}, job, message)
const runningPod = podState(aPod({ status: podStatus('Running', aContainer(running)) }))

function lease(given: Partial<ObjectMeta> = {}): ObjectMeta {
  const own = { name: 'job-mine', namespace: 'ns', uid: 'lease-uid', resourceVersion: '1', creationTimestamp: t0 }
  return { ...own, ...marks, ...given }
}

function drift(given: Partial<MessagePlace> = {}): string | undefined {
  const rest = { key: 'ns/job-mine', id: 'mine', storedAt: at(0), pod: podState(undefined), now: at(60) }
  const found = driftOfMessage({ ...rest, lease: lease(), job, ...given })
  return found && `${found.message} (${found.remedy})`
}

describe('the Lease of a message', () => {
  const fitting: [string, Partial<MessagePlace>][] = [
    ['while its job waits', {}],
    ['for five minutes without a job', { job: undefined, now: at(299) }],
    ['while it is being deleted', { lease: lease({ deletionTimestamp: t0, ownerReferences: [] }) }],
    ['if it is gone once the pod has the message', { lease: undefined, pod: runningPod }],
    [
      'if it is gone with its finished job',
      { lease: undefined, job: aJob({ spec: { message }, status: { phase: 'Failed' } }) },
    ],
    [
      'if it is gone, and the job has run',
      { lease: undefined, job: aJob({ spec: { message }, status: { phase: 'Running' } }) },
    ],
    [
      'if it is gone, and a proxy runner runs the job',
      { lease: undefined, job: aJob({ spec: { message }, status: { reported: { at: t0 } } }) },
    ],
    ['if the job has none', { lease: undefined, job: aJob() }],
    [
      'with another owner besides',
      {
        lease: lease({
          ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p' }, ...marks.ownerReferences],
        }),
      },
    ],
  ]
  for (const [when, given] of fitting) {
    it(`fits its job ${when}`, () => expect(drift(given)).to.equal(undefined))
  }

  const tie = 'it lacks its owner or labels (restore)'
  const drifted: [string, Partial<MessagePlace>, string][] = [
    ['is left by a job that is gone', { job: undefined, now: at(300) }, 'no job needs it (reconcile-message)'],
    [
      'is left by a finished job',
      { job: aJob({ spec: { message }, status: { phase: 'Completed' } }) },
      'no job needs it (reconcile-message)',
    ],
    ['is left although its pod has the message', { pod: runningPod }, 'no job needs it (reconcile-message)'],
    ['is gone', { lease: undefined }, 'its Lease is missing (restore)'],
    ['has lost its owner', { lease: lease({ ownerReferences: [] }) }, tie],
    [
      'has another owner',
      {
        lease: lease({
          ownerReferences: [{ apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob', name: 'job', uid: 'old' }],
        }),
      },
      tie,
    ],
    ['has lost the label of its job', { lease: lease({ labels: { [MESSAGE_LABEL]: 'mine' } }) }, tie],
    ['has lost the number of its parts', { lease: lease({ annotations: {} }) }, tie],
  ]
  for (const [what, given, expected] of drifted) {
    it(`has drifted when it ${what}`, () => expect(drift(given)).to.equal(expected))
  }

  it('gets back what ties it to its job, and keeps the rest', () => {
    const other = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p' }
    const old = { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob', name: 'job', uid: 'old' }
    const given = { labels: { own: 'x' }, annotations: { note: 'y' }, ownerReferences: [other, old] }
    expect(messageMarks(given, job, message)).to.deep.equal({
      labels: { own: 'x', [MANAGED_BY_LABEL]: MANAGED_BY, [JOB_LABEL]: 'job', [MESSAGE_LABEL]: 'mine' },
      annotations: { note: 'y', [PARTS_ANNOTATION]: '2' },
      ownerReferences: [other, { ...old, uid: 'job-uid' }],
    })
  })

  it('holds what a job needs until its pod runs', () => {
    const place = { id: 'mine', storedAt: at(0), job, pod: podState(undefined), now: at(60) }
    expect(needsMessage(place)).to.equal(true)
    expect(needsMessage({ ...place, pod: runningPod })).to.equal(false)
    expect(needsMessage({ ...place, job: undefined })).to.equal(false)
  })
})
