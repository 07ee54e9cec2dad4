import { expect } from 'chai'
import { refusalOf, saysTheSame } from '../../../../src/controllers/runner/pod-refusal.ts'
import { BadTemplate } from '../../../../src/domain/runner/template.ts'
import { apiErrorFrom, LeaseLost, Unreachable } from '../../../../src/kube/client/errors.ts'

function answer(code: number, message: string): Error {
  return apiErrorFrom(code, { kind: 'Status', message })
}

const quota =
  'pods "job-1" is forbidden: exceeded quota: q, requested: cpu=2,pods=1, used: cpu=7,pods=1, limited: pods=1'
const steadyQuota = 'pods "job-1" is forbidden: exceeded quota: q, requested: cpu=2,pods=1, limited: pods=1'
const tooBig =
  'pods "job-1" is forbidden: exceeded quota: q, requested: memory=128Mi, used: memory=0, limited: memory=64Mi'
const steadyTooBig = 'pods "job-1" is forbidden: exceeded quota: q, requested: memory=128Mi, limited: memory=64Mi'
const security = 'pods "job-1" is forbidden: violates PodSecurity "restricted:latest": privileged'
const webhook = 'admission webhook "w.example.com" denied the request: no'
const policy = "pods \"job-1\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"

/** Messages of the API server's own admission. */
const mendable = [
  'error looking up service account ns/default: serviceaccount "default" not found',
  'maximum cpu usage per Container is 2, but limit is 4',
  'failed quota: q: must specify limits.cpu for: runner',
  'status unknown for quota: q, resources: pods',
  'insufficient quota to match these scopes: [{PriorityClass In [high]}]',
  'minimum memory usage per Pod is 1Gi, but request is 64Mi',
  'pod node label selector conflicts with its namespace node label selector',
  'image policy webhook backend denied one or more images: unsigned',
  'no PriorityClass with name urgent was found',
  'pod rejected: RuntimeClass "kata" not found',
]

const cases: [behaviour: string, error: unknown, refusal: ReturnType<typeof refusalOf>][] = [
  ['a pod that is not valid', answer(422, 'bad'), { phase: 'Stopping', reason: 'InvalidPod', message: 'bad' }],
  ['a pod that cannot be decoded', answer(400, 'bad'), { phase: 'Stopping', reason: 'InvalidPod', message: 'bad' }],
  [
    'a template without containers',
    new BadTemplate('none'),
    { phase: 'Stopping', reason: 'InvalidPod', message: 'none' },
  ],
  [
    'quota, which may become free, without the used amount',
    answer(403, quota),
    { phase: 'Starting', reason: 'QuotaExceeded', message: steadyQuota },
  ],
  ['Pod Security', answer(403, security), { phase: 'Stopping', reason: 'AdmissionDenied', message: security }],
  ['a webhook', answer(403, webhook), { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook }],
  [
    'a webhook without a code, which becomes 400',
    answer(400, webhook),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook },
  ],
  [
    'a webhook with its own code',
    answer(500, webhook),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook },
  ],
  [
    'an admission policy without a reason, which becomes 422',
    answer(422, policy),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: policy },
  ],
  [
    'an admission policy with its own reason',
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
  ...Object.entries({
    'missing rights': [
      403,
      'pods is forbidden: User "x" cannot create resource "pods" in API group "" in the namespace "ns"',
    ],
    'a missing right on an existing pod': [403, 'pods "job-1" is forbidden: User "x" cannot get resource "pods"'],
    'a webhook that does not respond': [500, 'Internal error occurred: failed calling webhook "w": connection refused'],
    'a webhook that is too slow': [
      500,
      'Internal error occurred: failed calling webhook "w": context deadline exceeded',
    ],
    'a create that takes too long': [504, 'Timeout: request did not complete within requested timeout'],
    'a namespace that does not exist': [404, 'namespaces "ns" not found'],
    'an API server with an internal error': [500, 'runtime error'],
  } as const).map(([what, [code, message]]): (typeof cases)[number] => [
    `${what}, for now`,
    answer(code, message),
    { phase: 'Starting', reason: 'PodCreateFailed', message },
  ]),
  [
    'a webhook that denies with the code of an overload',
    answer(429, webhook),
    { phase: 'Stopping', reason: 'AdmissionDenied', message: webhook },
  ],
  [
    'the deletion of the whole namespace',
    apiErrorFrom(403, {
      message: 'pods "job-1" is forbidden: unable to create new content in namespace ns because it is being terminated',
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
    }),
    undefined,
  ],
  [
    'quota that the pod can never fit',
    answer(403, tooBig),
    {
      phase: 'Starting',
      reason: 'QuotaExceeded',
      message: `can never fit its quota: 128Mi of memory against 64Mi. ${steadyTooBig}`,
    },
  ],
  ['expired credentials', answer(401, 'Unauthorized'), undefined],
  ['a conflict on the quota', answer(409, 'Operation cannot be fulfilled on resourcequotas "q"'), undefined],
  ['an overloaded server', answer(429, 'try later'), undefined],
  ['a store without a leader', answer(500, 'etcdserver: leader changed'), undefined],
  ['a pod that was deleted meanwhile', answer(404, 'pods "job-1" not found'), undefined],
  ['an unavailable server', answer(503, 'try later'), undefined],
  ['no response', new Unreachable('reset'), undefined],
  ['a lost Lease', new LeaseLost('lost'), undefined],
  ['an error of our own', new TypeError('x'), undefined],
]

describe('the reason for a refused pod', () => {
  for (const [behaviour, error, refusal] of cases) {
    it(`${refusal === undefined ? 'is not in' : 'is in'} ${behaviour}`, () => {
      expect(refusalOf(error)).to.deep.equal(refusal)
    })
  }

  it('is the same from another port', () => {
    const words = (port: number) => `failed calling webhook "w": read tcp 10.0.0.1:${port}->10.0.0.2:443: i/o timeout`
    expect(saysTheSame(words(40_001), words(50_002))).to.equal(true)
  })

  it('is the same in any order, as in a LimitRange’s message', () => {
    const [cpu, memory] = ['maximum cpu usage per Pod is 2, but limit is 4', 'minimum memory usage per Pod is 1Gi']
    expect(saysTheSame(`forbidden: [${cpu}, ${memory}]`, `forbidden: [${memory}, ${cpu}]`)).to.equal(true)
    expect(saysTheSame(`forbidden: [${cpu}, ${memory}]`, `forbidden: ${cpu}`)).to.equal(false)
  })
})
