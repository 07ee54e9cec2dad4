import { expect } from 'chai'
import type { KubeObject, NewObject, Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerPools, type RunnerPoolSpec } from '../../../src/api/runner-pool.ts'
import { desiredPod } from '../../../src/domain/runner/desired-pod.ts'
import { runs } from '../../kubelet/script.ts'
import { aJob, aRunner } from '../../objects/builders.ts'
import { openSite, type Site } from '../../site/site.ts'

const core = { group: '', version: 'v1' }
const quotas: Resource = { ...core, plural: 'resourcequotas', kind: 'ResourceQuota' }
const limits: Resource = { ...core, plural: 'limitranges', kind: 'LimitRange' }
const accounts: Resource = { ...core, plural: 'serviceaccounts', kind: 'ServiceAccount' }
const admission = { group: 'admissionregistration.k8s.io', version: 'v1' }
const policies: Resource = { ...admission, plural: 'validatingadmissionpolicies', kind: 'ValidatingAdmissionPolicy' }
const bindings: Resource = {
  ...admission,
  plural: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
}
const forever = new AbortController().signal

const container = { name: 'runner', image: 'runner' }

function template(spec: Record<string, unknown>): Pick<RunnerPoolSpec, 'template'> {
  return { template: { spec: { containers: [container], terminationGracePeriodSeconds: 1, ...spec } } }
}

function object<T extends Record<string, unknown>>(
  { group, version, kind }: Resource,
  name: string,
  body: T,
): NewObject<KubeObject> & T {
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, metadata: { name }, ...body }
}

/** What each pool's pods are refused for; its job has the pool's name. */
const refused: Record<string, { spec: Record<string, unknown>; says: string }> = {
  // The quota is for pods with a deadline of their own, which no others here have.
  unlimited: { spec: { activeDeadlineSeconds: 600 }, says: 'failed quota: cpus: must specify limits.cpu for: runner' },
  greedy: {
    spec: { containers: [{ ...container, resources: { limits: { memory: '2Gi' } } }] },
    says: 'maximum memory usage per Container is 1Gi, but limit is 2Gi',
  },
  homeless: { spec: { serviceAccountName: 'missing' }, says: 'error looking up service account' },
  urgent: { spec: { priorityClassName: 'missing' }, says: 'no PriorityClass with name missing was found' },
}

describe('a pod that admission refuses', function () {
  this.timeout('90s')
  let site: Site

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => runs())
    const spec = { hard: { 'limits.cpu': '4' }, scopes: ['Terminating'] }
    await site.create(quotas, object(quotas, 'cpus', { spec }))
    await site.create(
      limits,
      object(limits, 'memory', { spec: { limits: [{ type: 'Container', max: { memory: '1Gi' } }] } }),
    )
    await site.createPool('healthy')
    for (const [name, { spec: pod }] of Object.entries(refused)) await site.createPool(name, template(pod))
    await createPolicy(site)
    await site.createPool('forbidden', {
      template: { metadata: { labels: { colour: 'red' } }, spec: template({}).template.spec },
    })
    // The API server's admission learns of quotas, limits and policies a moment after they are made.
    for (const [name, { says }] of Object.entries(refused)) await seesRefusal(site, name, says)
    await seesRefusal(site, 'forbidden', 'no red pods here')
    await site.operator({ env: { START_TROUBLE_SECONDS: '3600' } })
    for (const name of Object.keys(refused)) await site.createJob(name, { poolName: name })
  })
  afterEach(() => site.checkInvariants())
  after(async () => {
    for (const resource of [bindings, policies])
      await site.client.delete(resource, { namespace: '', name: site.namespace }, {}, forever)
    await site.close()
  })

  for (const [name, { says }] of Object.entries(refused)) {
    it(`waits, and job, Runner and pool say why: ${says}`, async () => {
      const { status } = await site.jobIs(name, { phase: 'Assigned', reason: 'AdmissionDenied' })
      expect(status.message).to.include(says)
      expect((await site.runner(name))?.status).to.deep.include({ phase: 'Starting', reason: 'AdmissionDenied' })
      const ready = await readyOf(site, name)
      expect(ready).to.include({ status: 'False', reason: 'AdmissionDenied' })
      expect(ready.message).to.include(says)
      await site.eventTold(name, 'AdmissionDenied')
    })
  }

  it('keeps no other pool from its jobs', async () => {
    await site.createJob('other', { poolName: 'healthy' })
    await site.jobIs('other', { phase: 'Running' })
  })

  it('is told of in the newest words', async () => {
    const key = { namespace: site.namespace, name: 'memory' }
    const spec = { limits: [{ type: 'Container', max: { memory: '1536Mi' } }] }
    await site.client.patchMerge(limits, key, { spec }, forever)
    const message = async () => (await site.job('greedy'))?.status.message ?? ''
    await site.until('the new limit to be named', async () => (await message()).includes('is 1536Mi'))
  })

  it('is made as soon as nothing is wrong any more', async () => {
    await site.create(accounts, object(accounts, 'missing', {}))
    await site.delete(limits, 'memory')
    await site.jobIs('homeless', { phase: 'Running' })
    await site.jobIs('greedy', { phase: 'Running' })
  })

  it('is said of its pool no longer once it would be accepted, and nothing is written while it stays the same', async () => {
    const before = await site.get(runnerPools, 'unlimited')
    const isReady = async () => (await readyOf(site, 'homeless')).status === 'True'
    await site.until('the pool to be ready', isReady, 30_000)
    expect((await site.get(runnerPools, 'unlimited'))?.metadata).to.deep.equal(before?.metadata)
    expect(await readyOf(site, 'unlimited')).to.include({ status: 'False' })
  })

  it('is waited for also while its pool is replaced', async () => {
    await site.delete(runnerPools, 'urgent')
    const { status } = await site.jobIs('urgent', { phase: 'Assigned', reason: 'InvalidPod' })
    expect(status.message).to.equal('RunnerPool urgent is gone')
    await site.createPool('urgent')
    await site.jobIs('urgent', { phase: 'Running' })
  })

  it('fails its job at once where a policy denies it', async () => {
    await site.createJob('forbidden', { poolName: 'forbidden' })
    const { status } = await site.jobIs('forbidden', { phase: 'Failed', reason: 'AdmissionDenied' })
    expect(status.message).to.include('no red pods here')
    expect(await readyOf(site, 'forbidden')).to.include({ status: 'False', reason: 'AdmissionDenied' })
  })
})

/** Denies red pods of the site's namespace. */
async function createPolicy(site: Site): Promise<void> {
  const name = site.namespace
  const made = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
  const red = "!has(object.metadata.labels) || !('colour' in object.metadata.labels)"
  const policy = {
    matchConstraints: {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
      resourceRules: [made],
    },
    validations: [{ expression: red, message: 'no red pods here' }],
  }
  await site.client.create(policies, object(policies, name, { spec: policy }), forever)
  const binding = { policyName: name, validationActions: ['Deny'] }
  await site.client.create(bindings, object(bindings, name, { spec: binding }), forever)
}

/** Waits until the API server's admission knows what it shall refuse. */
async function seesRefusal(site: Site, name: string, says: string): Promise<void> {
  const pool = await site.get(runnerPools, name)
  if (pool === undefined) throw new Error(`no pool ${name}`)
  const pod = desiredPod(pool, aJob(), aRunner({ metadata: { name: 'trial', namespace: site.namespace } }))
  const refusal = async () => {
    try {
      await site.client.dryRunCreate(pods, pod, forever)
      return ''
    } catch (error) {
      return String(error)
    }
  }
  await site.until(`a pod of ${name} to be refused`, async () => (await refusal()).includes(says), 30_000)
}

async function readyOf(site: Site, name: string) {
  return site.until(`pool ${name} to be judged`, async () => {
    const pool = await site.get(runnerPools, name)
    return pool?.status?.conditions?.find(({ type }) => type === 'Ready')
  })
}
