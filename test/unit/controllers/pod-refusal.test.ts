import { expect } from 'chai'
import { refusalOf } from '../../../src/controllers/pod-refusal.ts'
import { BadTemplate } from '../../../src/domain/runner-pod.ts'
import { apiErrorFrom, LeaseLost, Unreachable } from '../../../src/kube/errors.ts'

function answer(code: number, message: string): Error {
  return apiErrorFrom(code, { kind: 'Status', message })
}

const quota = 'pods "job-1" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
const security = 'pods "job-1" is forbidden: violates PodSecurity "restricted:latest": privileged'
const webhook = 'admission webhook "w.example.com" denied the request: no'
const policy = "pods \"job-1\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"

const cases: [behaviour: string, error: unknown, refusal: ReturnType<typeof refusalOf>][] = [
  ['a pod that is not valid', answer(422, 'bad'), { phase: 'Stopping', reason: 'InvalidPod', message: 'bad' }],
  ['a pod that cannot be read', answer(400, 'bad'), { phase: 'Stopping', reason: 'InvalidPod', message: 'bad' }],
  [
    'a template without containers',
    new BadTemplate('none'),
    { phase: 'Stopping', reason: 'InvalidPod', message: 'none' },
  ],
  [
    'quota, which may be free again',
    answer(403, quota),
    { phase: 'Starting', reason: 'QuotaExceeded', message: quota },
  ],
  ['Pod Security', answer(403, security), { phase: 'Stopping', reason: 'AdmissionDenied', message: security }],
  ['a webhook', answer(403, webhook), { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook }],
  [
    'a webhook with a code of its own',
    answer(500, webhook),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook },
  ],
  ['an admission policy', answer(403, policy), { phase: 'Stopping', reason: 'AdmissionDenied', message: policy }],
  [
    'missing rights, which are no fault of the pod',
    answer(403, 'pods is forbidden: User "x" cannot create'),
    undefined,
  ],
  ['a webhook that does not answer', answer(500, 'failed calling webhook "w": timeout'), undefined],
  ['a server in trouble', answer(503, 'try later'), undefined],
  ['no answer', new Unreachable('reset'), undefined],
  ['a lost Lease', new LeaseLost('lost'), undefined],
  ['a fault of our own', new TypeError('x'), undefined],
]

describe('why a pod was refused', () => {
  for (const [behaviour, error, refusal] of cases) {
    it(`${refusal === undefined ? 'is not said by' : 'is said by'} ${behaviour}`, () => {
      expect(refusalOf(error)).to.deep.equal(refusal)
    })
  }
})
