import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect } from 'chai'
import { POOL_LABEL } from '../../../src/api/names.ts'
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
const webhooks: Resource = {
  ...admission,
  plural: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
}
const roles: Resource<Role> = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'roles', kind: 'Role' }
const bindings: Resource = {
  ...admission,
  plural: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
}
const forever = new AbortController().signal

interface Role extends KubeObject {
  rules: { resources: string[]; verbs: string[] }[]
}

const container = { name: 'runner', image: 'runner' }
const amounts = { cpu: '1', memory: '128Mi' }
const sized = { ...container, resources: { requests: amounts, limits: amounts } }

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

/** The reason for which each pool's pods are refused; the job has the pool's name. */
const refused: Record<string, { spec: Record<string, unknown>; says: string }> = {
  // The quota is for pods with a deadline, which only these have.
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
  let silent: Silent

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => runs())
    const scopes = ['Terminating']
    await site.create(quotas, object(quotas, 'cpus', { spec: { hard: { 'limits.cpu': '4' }, scopes } }))
    const small = { hard: { 'requests.memory': '64Mi' }, scopes }
    await site.create(quotas, object(quotas, 'memory', { spec: small }))
    await site.create(
      limits,
      object(limits, 'memory', { spec: { limits: [{ type: 'Container', max: { memory: '1Gi' } }] } }),
    )
    for (const name of ['healthy', 'unmade', 'hanging']) await site.createPool(name, { maxRunners: 100 })
    for (const [name, { spec: pod }] of Object.entries(refused)) await site.createPool(name, template(pod))
    await createPolicy(site)
    const { spec } = template({}).template
    await site.createPool('unjudged', { template: { metadata: { labels: { judge: 'away' } }, spec } })
    silent = await listenInSilence()
    await createWebhooks(site, silent)
    await site.createPool('oversized', template({ activeDeadlineSeconds: 600, containers: [sized] }))
    await site.createPool('forbidden', {
      template: { metadata: { labels: { colour: 'red' } }, spec: template({}).template.spec },
    })
    // The API server's admission sees quotas, limits and policies a moment after their creation.
    for (const [name, { says }] of Object.entries(refused)) await seesRefusal(site, name, says)
    await seesRefusal(site, 'forbidden', 'no red pods here')
    await seesRefusal(site, 'oversized', 'exceeded quota: memory')
    await seesRefusal(site, 'unjudged', 'failed calling webhook')
    await site.operator({ env: { START_TROUBLE_SECONDS: '3600' } })
    for (const name of Object.keys(refused)) await site.createJob(name, { poolName: name })
  })
  afterEach(() => site.checkInvariants())
  after(async () => {
    for (const resource of [bindings, policies, webhooks])
      await site.client.delete(resource, { namespace: '', name: site.namespace }, {}, forever)
    await site.close()
    silent.close()
  })

  for (const [name, { says }] of Object.entries(refused)) {
    it(`waits, and job, Runner and pool show why: ${says}`, async () => {
      const { status } = await site.jobIs(name, { phase: 'Assigned', reason: 'AdmissionDenied' })
      expect(status.message).to.include(says)
      expect((await site.runner(name))?.status).to.deep.include({ phase: 'Starting', reason: 'AdmissionDenied' })
      const ready = await readyOf(site, name)
      expect(ready).to.include({ status: 'False', reason: 'AdmissionDenied' })
      expect(ready.message).to.include(says)
      await site.eventRecorded(name, 'AdmissionDenied')
    })
  }

  it('does not delay the jobs of other pools', async () => {
    await site.createJob('other', { poolName: 'healthy' })
    await site.jobIs('other', { phase: 'Running' })
  })

  it('is reported with the newest message', async () => {
    const key = { namespace: site.namespace, name: 'memory' }
    const spec = { limits: [{ type: 'Container', max: { memory: '1536Mi' } }] }
    await site.client.patchMerge(limits, key, { spec }, forever)
    const message = async () => (await site.job('greedy'))?.status.message ?? ''
    await site.until('the new limit to be named', async () => (await message()).includes('is 1536Mi'))
  })

  it('is created as soon as the cause is fixed', async () => {
    await site.create(accounts, object(accounts, 'missing', {}))
    await site.delete(limits, 'memory')
    await site.jobIs('homeless', { phase: 'Running' })
    await site.jobIs('greedy', { phase: 'Running' })
  })

  it('makes its pool ready once it would be accepted, and costs no write while nothing changes', async () => {
    const before = await site.get(runnerPools, 'unlimited')
    const isReady = async () => (await readyOf(site, 'homeless')).status === 'True'
    await site.until('the pool to be ready', isReady, 30_000)
    expect((await site.get(runnerPools, 'unlimited'))?.metadata).to.deep.equal(before?.metadata)
    expect(await readyOf(site, 'unlimited')).to.include({ status: 'False' })
  })

  it('keeps its job waiting while its pool is replaced', async () => {
    await site.delete(runnerPools, 'urgent')
    const { status } = await site.jobIs('urgent', { phase: 'Assigned', reason: 'InvalidPod' })
    expect(status.message).to.equal('RunnerPool urgent is gone')
    await site.createPool('urgent')
    await site.jobIs('urgent', { phase: 'Running' })
  })

  it('waits for a webhook that is down, shows that within 5 s, and is created once it is not needed any more', async () => {
    await site.createJob('unjudged', { poolName: 'unjudged' })
    const { status } = await site.jobIs('unjudged', { phase: 'Assigned', reason: 'PodCreateFailed' }, 5000)
    expect(status.message).to.include('failed calling webhook "judge.example.com"')
    expect((await site.runner('unjudged'))?.status).to.deep.include({ phase: 'Starting', reason: 'PodCreateFailed' })
    await site.eventRecorded('unjudged', 'PodCreateFailed')
    expect(await readyOf(site, 'unjudged')).to.include({ status: 'False', reason: 'PodCreateFailed' })
    const { metadata } = (await site.runner('unjudged')) ?? {}
    await site.createJob('unjudged-too', { poolName: 'unjudged' })
    const { status: other } = await site.jobIs('unjudged-too', { phase: 'Assigned', reason: 'PodCreateFailed' }, 5000)
    expect(other.message).to.include('failed calling webhook "judge.example.com"')
    await site.createJob('beside', { poolName: 'healthy' })
    await site.jobIs('beside', { phase: 'Running' }, 5000)
    expect((await site.runner('unjudged'))?.metadata, 'written once').to.deep.equal(metadata)
    const mend = [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }] as const
    await site.client.patchJson(webhooks, { namespace: '', name: site.namespace }, mend, forever)
    for (const job of ['unjudged', 'unjudged-too']) await site.jobIs(job, { phase: 'Running' })
  })

  it('does not delay the jobs of other pools while every create hangs in a webhook', async () => {
    const before = silent.calls
    const jobs = Array.from({ length: 40 }, (_, index) => `hung-${index}`)
    await Promise.all(jobs.map((job) => site.createJob(job, { poolName: 'hanging' })))
    await site.until('many creates to hang', () => silent.calls >= before + 20)
    await site.createJob('unhindered', { poolName: 'healthy' })
    await site.jobIs('unhindered', { phase: 'Running' }, 5000)
    for (const job of ['hung-0', 'hung-39']) {
      const { status } = await site.jobIs(job, { phase: 'Assigned', reason: 'PodCreateFailed' })
      expect(status.message).to.include('failed calling webhook "silent.example.com"')
    }
    await Promise.all(jobs.map((job) => site.cancel(job)))
  })

  it('also waits for a webhook that reviews its Runner', async () => {
    await site.createJob('unmade', { poolName: 'unmade' })
    const { status } = await site.jobIs('unmade', { phase: 'Queued', reason: 'PodCreateFailed' }, 5000)
    expect(status.message).to.match(/^cannot create the Runner: .*failed calling webhook "judge-runners\.example\.com"/)
    await site.eventRecorded('unmade', 'PodCreateFailed')
    const mend = [{ op: 'replace', path: '/webhooks/1/failurePolicy', value: 'Ignore' }] as const
    await site.client.patchJson(webhooks, { namespace: '', name: site.namespace }, mend, forever)
    await site.jobIs('unmade', { phase: 'Running' })
  })

  it('shows that it can never fit a smaller quota', async () => {
    const message = /^can never fit its quota: 128Mi of requests.memory against 64Mi\. pods "oversized-1" is forbidden/
    await site.createJob('oversized', { poolName: 'oversized' })
    const { status } = await site.jobIs('oversized', { phase: 'Assigned', reason: 'QuotaExceeded' }, 5000)
    expect(status.message).to.match(message)
  })

  it('shows which right the operator lacks, and is created once it has that right', async () => {
    const role = await site.get(roles, 'runnerhub')
    if (role === undefined) throw new Error('no role')
    const without = role.rules.map((rule) =>
      rule.resources.includes('pods') ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'create') } : rule,
    )
    await site.client.patchMerge(roles, { namespace: site.namespace, name: 'runnerhub' }, { rules: without }, forever)
    await site.createJob('unauthorised', { poolName: 'healthy' })
    const { status } = await site.jobIs('unauthorised', { phase: 'Assigned', reason: 'PodCreateFailed' }, 5000)
    expect(status.message).to.include('cannot create resource "pods"')
    const { rules } = role
    await site.client.patchMerge(roles, { namespace: site.namespace, name: 'runnerhub' }, { rules }, forever)
    await site.jobIs('unauthorised', { phase: 'Running' })
  })

  it('shows that its template became invalid, and is created as soon as that is fixed', async () => {
    await site.createPool('changing', template({ serviceAccountName: 'later' }))
    await site.createJob('changing', { poolName: 'changing' })
    await site.jobIs('changing', { phase: 'Assigned', reason: 'AdmissionDenied' })
    const key = { namespace: site.namespace, name: 'changing' }
    const change = (spec: object) => site.client.patchMerge(runnerPools, key, { spec: { template: { spec } } }, forever)
    await change({ hostNam: 'x' })
    const { status } = await site.jobIs('changing', { phase: 'Assigned', reason: 'InvalidPod' })
    expect(status.message).to.include('RunnerPool changing is not ready: ').and.to.include('spec.hostNam')
    await change({ hostNam: null, serviceAccountName: null })
    await site.jobIs('changing', { phase: 'Running' })
  })

  it('fails its job at once if a policy denies it', async () => {
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

/** Accepts connections and never responds. */
interface Silent {
  port: number
  calls: number
  close: () => void
}

async function listenInSilence(): Promise<Silent> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    silence.calls += 1
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen')
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  const silence = { port: address.port, calls: 0, close }
  return silence
}

/** A webhook for pods and Runners with certain labels that does not respond. */
async function createWebhooks(site: Site, { port }: Silent): Promise<void> {
  const common = {
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': site.namespace } },
  }
  const created = { apiVersions: ['v1'], operations: ['CREATE'] }
  const ofPods = {
    ...common,
    name: 'judge.example.com',
    objectSelector: { matchLabels: { judge: 'away' } },
    rules: [{ ...created, apiGroups: [''], resources: ['pods'] }],
  }
  const ofRunners = {
    ...common,
    name: 'judge-runners.example.com',
    objectSelector: { matchLabels: { [POOL_LABEL]: 'unmade' } },
    rules: [{ ...created, apiGroups: ['runnerhub.dev'], resources: ['runners'] }],
  }
  const ofHanging = {
    ...ofPods,
    name: 'silent.example.com',
    timeoutSeconds: 3,
    clientConfig: { url: `https://127.0.0.1:${port}/` },
    objectSelector: { matchLabels: { [POOL_LABEL]: 'hanging' } },
  }
  const all = { webhooks: [ofPods, ofRunners, ofHanging] }
  await site.client.create(webhooks, object(webhooks, site.namespace, all), forever)
}

/** Waits until the API server's admission refuses the pods. */
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
