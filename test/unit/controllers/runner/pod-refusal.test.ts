import { expect } from 'chai'
import { refusalOf, saysTheSame } from '../../../../src/controllers/runner/pod-refusal.ts'
import { BadTemplate } from '../../../../src/domain/runner/desired-pod.ts'
import { apiErrorFrom, LeaseLost, Unreachable } from '../../../../src/kube/client/errors.ts'

function answer(code: number, message: string): Error {
  return apiErrorFrom(code, { kind: 'Status', message })
}

const quota =
  'pods "job-1" is forbidden: exceeded quota: q, requested: cpu=2,pods=1, used: cpu=7,pods=1, limited: pods=1'
const steadyQuota = 'pods "job-1" is forbidden: exceeded quota: q, requested: cpu=2,pods=1, limited: pods=1'
const security = 'pods "job-1" is forbidden: violates PodSecurity "restricted:latest": privileged'
const webhook = 'admission webhook "w.example.com" denied the request: no'
const policy = "pods \"job-1\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"

/** What the API server's own admission says, in its words. */
const mendable = [
  'error looking up service account ns/default: serviceaccount "default" not found',
  'maximum cpu usage per Container is 2, but limit is 4',
  'failed quota: q: must specify limits.cpu for: runner',
  'status unknown for quota: q, resources: pods',
  'no PriorityClass with name urgent was found',
  'pod rejected: RuntimeClass "kata" not found',
]

const cases: [behaviour: string, error: unknown, refusal: ReturnType<typeof refusalOf>][] = [
  ['a pod that is not valid', answer(422, 'bad'), { phase: 'Stopping', reason: 'InvalidPod', message: 'bad' }],
  ['a pod that cannot be read', answer(400, 'bad'), { phase: 'Stopping', reason: 'InvalidPod', message: 'bad' }],
  [
    'a template without containers',
    new BadTemplate('none'),
    { phase: 'Stopping', reason: 'InvalidPod', message: 'none' },
  ],
  [
    'quota, which may be free again, without what changes all the time',
    answer(403, quota),
    { phase: 'Starting', reason: 'QuotaExceeded', message: steadyQuota },
  ],
  ['Pod Security', answer(403, security), { phase: 'Stopping', reason: 'AdmissionDenied', message: security }],
  ['a webhook', answer(403, webhook), { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook }],
  [
    'a webhook that gives no code, which is answered as 400',
    answer(400, webhook),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook },
  ],
  [
    'a webhook with a code of its own',
    answer(500, webhook),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook },
  ],
  [
    'an admission policy that gives no reason, which is answered as 422',
    answer(422, policy),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: policy },
  ],
  [
    'an admission policy with a reason of its own',
    answer(403, policy),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: policy },
  ],
  ...mendable.map((why): (typeof cases)[number] => {
    const message = `pods "job-1" is forbidden: ${why}`
    return [
      `admission, for now: ${why}`,
      answer(403, message),
      { phase: 'Starting', reason: 'AdmissionDenied', message },
    ]
  }),
  [
    'missing rights, which are no fault of the pod',
    answer(403, 'pods is forbidden: User "x" cannot create resource "pods" in API group "" in the namespace "ns"'),
    undefined,
  ],
  [
    'the end of the whole namespace',
    apiErrorFrom(403, {
      message: 'pods "job-1" is forbidden: unable to create new content in namespace ns because it is being terminated',
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
    }),
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

  it('is the same in any order, as a LimitRange tells it', () => {
    const [cpu, memory] = ['maximum cpu usage per Pod is 2, but limit is 4', 'minimum memory usage per Pod is 1Gi']
    expect(saysTheSame(`forbidden: [${cpu}, ${memory}]`, `forbidden: [${memory}, ${cpu}]`)).to.equal(true)
    expect(saysTheSame(`forbidden: [${cpu}, ${memory}]`, `forbidden: ${cpu}`)).to.equal(false)
  })
})
