import { expect } from 'chai'
import type { RunnerPoolSpec } from '../../../../src/api/runner-pool.ts'
import { BadTemplate, desiredPod } from '../../../../src/domain/runner/desired-pod.ts'
import { aJob, aPool, aRunner } from '../../../objects/builders.ts'
import { expectGolden } from '../../../objects/golden.ts'

function podOf(template: RunnerPoolSpec['template'], spec: Parameters<typeof aJob>[0] = {}) {
  const job = aJob(spec)
  return desiredPod(aPool({ spec: { template } }), job, aRunner({ job }))
}

function golden(name: string, pod: unknown): void {
  expectGolden(import.meta.url, name, pod)
}

describe('the pod of a Runner', () => {
  it('of a minimal template is ours, restricted and told its job', () => {
    golden('minimal-pod', podOf({ spec: { containers: [{ name: 'main', image: 'image' }] } }))
  })

  it('of a full template keeps what the template says', () => {
    const template = {
      metadata: { labels: { team: 'a', tier: 7 }, annotations: { note: 'b' } },
      spec: {
        serviceAccountName: 'builder',
        automountServiceAccountToken: true,
        enableServiceLinks: true,
        nodeSelector: { pool: 'ci' },
        securityContext: { runAsUser: 1000, runAsNonRoot: false },
        initContainers: [{ name: 'setup', image: 'setup', restartPolicy: 'Always' }],
        containers: [
          { name: 'docker', image: 'dind', securityContext: { runAsUser: 0 } },
          { name: 'runner', image: 'image', env: [{ name: 'OWN', value: '$(RUNNERHUB_RUN_ID)' }], command: ['run'] },
        ],
        volumes: [{ name: 'work', emptyDir: {} }],
      },
    }
    const facts = { repository: 'owner/repo', runId: '1', jobId: '2', ref: 'cost $5 $(PATH)', labels: ['a', 'b'] }
    golden('full-pod', podOf(template, { spec: facts }))
  })

  it('cannot be given another name, owner, finalizer or restart policy by its template', () => {
    const template = {
      metadata: {
        name: 'other',
        namespace: 'kube-system',
        finalizers: ['other'],
        ownerReferences: [],
        labels: { 'runnerhub.dev/job': 'other', 'runnerhub.dev/pool': 'other' },
        annotations: { 'runnerhub.dev/job-container': 'other' },
      },
      spec: { containers: [{ name: 'main' }], restartPolicy: 'Always' },
    }
    const pod = podOf(template)
    expect(pod.metadata).to.deep.equal(podOf({ spec: { containers: [{ name: 'main' }] } }).metadata)
    expect(pod.spec['restartPolicy']).to.equal('Never')
  })

  it('lets no container run its job again in its place, and a restartable init container be one', () => {
    const exitCodes = { operator: 'In', values: [42] }
    const restarted = { name: 'main', restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes }] }
    const sidecar = { name: 'docker', restartPolicy: 'Always' }
    const { spec } = podOf({ spec: { containers: [restarted], initContainers: [sidecar] } })
    expect(spec)
      .to.have.nested.property('containers[0]')
      .that.does.not.have.any.keys('restartPolicy', 'restartPolicyRules')
    expect(spec).to.have.nested.property('initContainers[0].restartPolicy', 'Always')
  })

  it('leaves a privileged container privileged', () => {
    const privileged = { name: 'docker', securityContext: { privileged: true } }
    const { spec } = podOf({ spec: { containers: [privileged, { name: 'runner' }] } })
    expect(spec).to.have.nested.property('containers[0].securityContext').that.deep.equals({ privileged: true })
    expect(spec).to.have.nested.property('containers[1].securityContext.allowPrivilegeEscalation', false)
  })

  it('takes nothing that a caller sent but as values of variables', () => {
    const mark = 'caller-text'
    const spec = { workflow: mark, runnerName: mark, ref: mark, actor: mark, eventName: mark, labels: [mark] }
    const pod = podOf({ spec: { containers: [{ name: 'main' }], initContainers: [{ name: 'init' }] } }, { spec })
    const withoutValues = JSON.stringify(pod, (key, value: unknown) => (key === 'value' ? undefined : value))
    expect(withoutValues).to.not.include(mark)
    expect(JSON.stringify(pod)).to.include(mark)
  })

  it('changes nothing in the pool, which is a shared object', () => {
    const template = { spec: { containers: [{ name: 'main', env: [{ name: 'A', value: 'b' }] }], securityContext: {} } }
    const before = structuredClone(template)
    podOf(template)
    expect(template).to.deep.equal(before)
  })

  it('knows the job’s container by its name "runner", else takes the first', () => {
    const annotations = (names: string[]) =>
      podOf({ spec: { containers: names.map((name) => ({ name })) } }).metadata.annotations
    expect(annotations(['a', 'runner'])).to.deep.equal({ 'runnerhub.dev/job-container': 'runner' })
    expect(annotations(['a', 'b'])).to.deep.equal({ 'runnerhub.dev/job-container': 'a' })
  })

  for (const [what, containers] of Object.entries({ none: undefined, 'an empty list': [], text: 'main' })) {
    it(`cannot be made where containers is ${what}`, () => {
      expect(() => podOf({ spec: { containers } })).to.throw(BadTemplate, 'at least one container')
    })
  }

  it('leaves what is no container to the API server to refuse', () => {
    expect(podOf({ spec: { containers: ['main', null] } }).spec['containers']).to.have.length(2)
  })
})
