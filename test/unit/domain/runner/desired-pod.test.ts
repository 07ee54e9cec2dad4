import { expect } from 'chai'
import type { RunnerPoolSpec } from '../../../../src/api/runner-pool.ts'
import { elementsOf, fieldsOf, type Json } from '../../../../src/api/json.ts'
import { BadTemplate } from '../../../../src/domain/runner/template.ts'
import { inTermsOfTemplate, desiredPod } from '../../../../src/domain/runner/desired-pod.ts'
import { agentName } from '../../../../src/domain/hand-over/worker-pod.ts'
import { aJob, aPool, aRunner } from '../../../objects/builders.ts'
import { expectGolden } from '../../../objects/golden.ts'

function podOf(template: RunnerPoolSpec['template'], spec: Parameters<typeof aJob>[0] = {}) {
  const job = aJob(spec)
  return desiredPod(aPool({ spec: { template } }), job, aRunner({ job }))
}

/** What keeps autoscalers from the node of a pod. */
const kept = {
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
  'karpenter.sh/do-not-disrupt': 'true',
}

function golden(name: string, pod: unknown): void {
  expectGolden(import.meta.url, name, pod)
}

describe('the pod of a Runner', () => {
  it('of a minimal template is ours, restricted, and has the facts of its job', () => {
    golden('minimal-pod', podOf({ spec: { containers: [{ name: 'main', image: 'image' }] } }))
  })

  it('of a further attempt avoids the nodes of the lost ones', () => {
    const attempts = [{ number: 1, poolName: 'pool', nodeName: 'a', reason: 'Evicted', message: 'm', endedAt: '' }]
    const pod = podOf({ spec: { containers: [{ name: 'main', image: 'image' }] } }, { status: { attempts } })
    expect(pod.spec).to.have.nested.property('affinity.nodeAffinity')
  })

  it('of a full template keeps the fields of the template', () => {
    const template = {
      metadata: { labels: { team: 'a', tier: '7' }, annotations: { note: 'b' } },
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

  it('has the repository and the workflow of its job as labels, if its pool wants them', () => {
    const template = { metadata: { labels: { team: 'a' } }, spec: { containers: [{ name: 'main' }] } }
    const job = aJob({ spec: { repository: 'Owner/Repo', workflow: 'CI' } })
    const labelsIn = (attribution?: RunnerPoolSpec['attribution']) =>
      desiredPod(aPool({ spec: { template, ...(attribution && { attribution }) } }), job, aRunner({ job })).metadata
        .labels
    const repository = { 'runnerhub.dev/repository': 'owner.repo-65e817eec8' }
    expect(labelsIn({ podLabels: ['Repository'] }))
      .to.include(repository)
      .and.not.have.property('runnerhub.dev/workflow')
    expect(labelsIn({ podLabels: ['Repository', 'Workflow'] })).to.include({
      ...repository,
      'runnerhub.dev/workflow': 'CI',
      team: 'a',
    })
    for (const attribution of [undefined, {}, { podLabels: [] }]) {
      expect(labelsIn(attribution)).to.not.have.any.keys('runnerhub.dev/repository', 'runnerhub.dev/workflow')
    }
  })

  it('is rejected if its template sets a label that its pool wants from the operator', () => {
    const template = {
      metadata: { labels: { 'runnerhub.dev/workflow': 'x' } },
      spec: { containers: [{ name: 'main' }] },
    }
    const make = (podLabels: ('Repository' | 'Workflow')[]) => () =>
      desiredPod(aPool({ spec: { template, attribution: { podLabels } } }), aJob(), aRunner())
    expect(make(['Workflow'])).to.throw(BadTemplate, 'template.metadata.labels["runnerhub.dev/workflow"]: ')
    expect(make(['Repository'])).to.not.throw()
  })

  const ok = { containers: [{ name: 'runner' }] }
  const refused: Record<string, RunnerPoolSpec['template']> = {
    'metadata.name': { metadata: { name: 'other' }, spec: ok },
    'metadata.generateName': { metadata: { generateName: 'other-' }, spec: ok },
    'metadata.namespace': { metadata: { namespace: 'kube-system' }, spec: ok },
    'metadata.finalizers': { metadata: { finalizers: ['other'] }, spec: ok },
    'metadata.ownerReferences': { metadata: { ownerReferences: [{}] }, spec: ok },
    'metadata.uid': { metadata: { uid: '1' }, spec: ok },
    'metadata.creationTimestamp': { metadata: { creationTimestamp: '2026-01-01T00:00:00Z' }, spec: ok },
    'metadata.labels["runnerhub.dev/job"]': { metadata: { labels: { 'runnerhub.dev/job': 'other' } }, spec: ok },
    'metadata.labels["runnerhub.dev/pool"]': { metadata: { labels: { 'runnerhub.dev/pool': 'other' } }, spec: ok },
    'metadata.annotations["runnerhub.dev/job-container"]': {
      metadata: { annotations: { 'runnerhub.dev/job-container': 'other' } },
      spec: ok,
    },
    'metadata.labels': { metadata: { labels: ['a'] }, spec: ok },
    'metadata.labels["tier"]': { metadata: { labels: { tier: 7 } }, spec: ok },
    'metadata.annotations["on"]': { metadata: { annotations: { on: true } }, spec: ok },
    'spec.restartPolicy': { spec: { ...ok, restartPolicy: 'Always' } },
    'spec.containers[0].restartPolicy': { spec: { containers: [{ name: 'main', restartPolicy: 'OnFailure' }] } },
    'spec.containers[1].restartPolicyRules': {
      spec: { containers: [{ name: 'docker' }, { name: 'runner', restartPolicyRules: [{ action: 'Restart' }] }] },
    },
    'spec.containers[0].restartPolicyRules': {
      spec: {
        containers: [{ name: 'docker', restartPolicyRules: [{ action: 'RestartAllContainers' }] }, { name: 'runner' }],
      },
    },
  }
  for (const [path, template] of Object.entries(refused)) {
    it(`is rejected if its template has ${path}`, () => {
      expect(() => podOf(template)).to.throw(BadTemplate, `template.${path}: `)
    })
  }

  it('treats empty fields as absent', () => {
    const metadata = {
      creationTimestamp: null,
      name: '',
      finalizers: [],
      ownerReferences: null,
      labels: null,
      annotations: {},
    }
    const containers = [{ name: 'main', image: 'image', env: null, securityContext: null }]
    const spec = { restartPolicy: null, automountServiceAccountToken: null, securityContext: null, containers }
    const { creationTimestamp: _, ...made } = podOf({ metadata, spec }).metadata
    const silent = podOf({ spec: { containers: [{ name: 'main', image: 'image' }] } })
    expect(made).to.deep.equal(silent.metadata)
    expect(podOf({ metadata, spec }).spec).to.deep.equal(silent.spec)
  })

  it('has all other fields of its template as written, for the API server to validate', () => {
    const probe = { httpGet: { port: true }, initialDelaySecond: '3' }
    const main = { name: 'main', resource: { limits: {} }, env: { A: 1 }, livenessProbe: probe, restartPolicy: 'Never' }
    const init = { name: 'init', env: [{ name: 'N', value: 7 }, 'text'], securityContext: 'none' }
    const given = { toleration: [{ key: 1 }], volumes: [{ emptyDir: { sizeLimit: 1.5 } }], activeDeadlineSecond: null }
    const spec = { ...given, securityContext: ['a'], containers: [main, 'text', null], initContainers: [init, 5] }
    const pod = podOf({ metadata: { label: { a: 'b' } }, spec })
    expect(pod.metadata).to.deep.include({ label: { a: 'b' } })
    expect(pod.spec).to.deep.include({ ...given, securityContext: ['a'] })
    expect(pod.spec).to.have.nested.property('containers[0]').that.deep.includes(main)
    expect(pod.spec).to.have.nested.property('containers[1]', 'text')
    expect(pod.spec).to.have.nested.property('containers[2]', null)
    expect(pod.spec).to.have.nested.property('initContainers[0].securityContext', 'none')
    expect(pod.spec).to.have.nested.property('initContainers[0].env[13]').that.deep.equals({ name: 'N', value: 7 })
    expect(pod.spec).to.have.nested.property('initContainers[0].env[14]', 'text')
    expect(pod.spec).to.have.nested.property('initContainers[1]', 5)
    for (const wrong of ['text', { name: 'init' }]) {
      const asWritten = podOf({ spec: { ...ok, initContainers: wrong } }).spec['initContainers']
      expect(asWritten).to.deep.equal(wrong)
    }
  })

  it('allows a sidecar to restart', () => {
    const again = { name: 'docker', restartPolicy: 'Always' }
    const { spec } = podOf({ spec: { containers: [{ name: 'runner' }, again], initContainers: [again] } })
    expect(spec).to.have.nested.property('containers[1].restartPolicy', 'Always')
    expect(spec).to.have.nested.property('initContainers[0].restartPolicy', 'Always')
  })

  it('leaves a privileged container privileged', () => {
    const privileged = { name: 'docker', securityContext: { privileged: true } }
    const { spec } = podOf({ spec: { containers: [privileged, { name: 'runner' }] } })
    expect(spec).to.have.nested.property('containers[0].securityContext').that.deep.equals({ privileged: true })
    expect(spec).to.have.nested.property('containers[1].securityContext.allowPrivilegeEscalation', false)
  })

  const restrictedContainer = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const root = { ...restrictedContainer, runAsUser: 0 }
  const nonRoot = { ...restrictedContainer, runAsNonRoot: true }
  const seccompProfile = { type: 'RuntimeDefault' }
  const defaults: Record<string, { spec: Json; pod: Json | undefined; containers: (Json | undefined)[] }> = {
    'for root in one container': {
      spec: { containers: [{ name: 'docker', securityContext: { runAsUser: 0 } }, { name: 'runner' }] },
      pod: { seccompProfile },
      containers: [root, nonRoot],
    },
    'for a privileged container': {
      spec: { containers: [{ name: 'docker', securityContext: { privileged: true } }, { name: 'runner' }] },
      pod: { seccompProfile },
      containers: [{ privileged: true }, nonRoot],
    },
    'for root in the whole pod': {
      spec: {
        securityContext: { runAsUser: 0 },
        containers: [{ name: 'runner' }, { name: 'user', securityContext: { runAsUser: 1000 } }],
      },
      pod: { seccompProfile, runAsUser: 0 },
      containers: [restrictedContainer, { ...nonRoot, runAsUser: 1000 }],
    },
    'for root in the whole pod but its containers': {
      spec: { securityContext: { runAsUser: 0 }, containers: [{ securityContext: { runAsUser: 1000 } }] },
      pod: { seccompProfile, runAsNonRoot: true, runAsUser: 0 },
      containers: [{ ...restrictedContainer, runAsUser: 1000 }],
    },
    'for any user': {
      spec: { securityContext: { runAsNonRoot: false }, containers: [{ securityContext: { runAsUser: 0 } }, {}] },
      pod: { seccompProfile, runAsNonRoot: false },
      containers: [root, restrictedContainer],
    },
    'for capabilities': {
      spec: { containers: [{ securityContext: { capabilities: { add: ['NET_ADMIN'] } } }] },
      pod: { seccompProfile, runAsNonRoot: true },
      containers: [{ allowPrivilegeEscalation: false, capabilities: { add: ['NET_ADMIN'] } }],
    },
    'for a capability that is an escalation': {
      spec: { containers: [{ securityContext: { capabilities: { add: ['CAP_SYS_ADMIN'], drop: [] } } }] },
      pod: { seccompProfile, runAsNonRoot: true },
      containers: [{ capabilities: { add: ['CAP_SYS_ADMIN'], drop: [] } }],
    },
    'for escalation and another profile': {
      spec: {
        securityContext: { seccompProfile: { type: 'Unconfined' } },
        containers: [{ securityContext: { allowPrivilegeEscalation: true, capabilities: null } }],
      },
      pod: { seccompProfile: { type: 'Unconfined' }, runAsNonRoot: true },
      containers: [{ allowPrivilegeEscalation: true, capabilities: { drop: ['ALL'] } }],
    },
    'for Windows': {
      spec: { os: { name: 'windows' }, containers: [{}] },
      pod: { runAsNonRoot: true },
      containers: [undefined],
    },
    'for the administrator of Windows': {
      spec: {
        os: { name: 'windows' },
        securityContext: { windowsOptions: { runAsUserName: 'ContainerAdministrator' } },
        containers: [{}, { securityContext: { windowsOptions: { runAsUserName: 'ContainerUser' } } }],
      },
      pod: { windowsOptions: { runAsUserName: 'ContainerAdministrator' } },
      containers: [undefined, { runAsNonRoot: true, windowsOptions: { runAsUserName: 'ContainerUser' } }],
    },
    'for a process of the Windows host': {
      spec: {
        os: { name: 'windows' },
        securityContext: { windowsOptions: { hostProcess: true } },
        containers: [{}],
      },
      pod: { windowsOptions: { hostProcess: true } },
      containers: [undefined],
    },
  }
  for (const [what, { spec, pod, containers }] of Object.entries(defaults)) {
    it(`has no default that contradicts a template that asks ${what}`, () => {
      const made = podOf({ spec }).spec
      expect(made['securityContext']).to.deep.equal(pod)
      expect(elementsOf(made['containers']).map((container) => fieldsOf(container)['securityContext'])).to.deep.equal(
        containers,
      )
    })
  }

  it('has no seccomp profile beside that of an annotation, with which the API server would refuse it', () => {
    const annotations = { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }
    const { spec } = podOf({ metadata: { annotations }, spec: { containers: [{ name: 'runner' }] } })
    expect(spec['securityContext']).to.deep.equal({ runAsNonRoot: true })
  })

  it('gets the API server’s message with the positions of its template', () => {
    const job = aJob()
    const message =
      'unknown field "spec.containers[0].env[14].valeu", unknown field "spec.initContainers[2].env[13].x", env[20]'
    expect(inTermsOfTemplate(message, { pool: aPool(), job, runner: aRunner({ job }) })).to.equal(
      'unknown field "spec.containers[0].env[1].valeu", unknown field "spec.initContainers[2].env[0].x", env[20]',
    )
  })

  it('of mode Worker is spoken of by the API server in the positions of its template', () => {
    const pool = aPool({ spec: { mode: 'Worker' } })
    const job = aJob({ spec: { message: { id: 'a', parts: 1 } } })
    const said =
      'unknown field "spec.containers[0].env[19].valeu", spec.containers[1].env[13], spec.initContainers[2].x'
    expect(inTermsOfTemplate(said, { pool, job, runner: aRunner({ job }) })).to.equal(
      'unknown field "spec.containers[0].env[1].valeu", spec.containers[1].env[0], spec.initContainers[1].x',
    )
  })

  it('of mode Worker has its message and the agent, which the job’s container alone runs', () => {
    const template = {
      spec: {
        terminationGracePeriodSeconds: 300,
        initContainers: [{ name: 'docker', image: 'dind', restartPolicy: 'Always' }],
        containers: [
          { name: 'proxy', image: 'proxy', command: ['serve'] },
          {
            name: 'runner',
            image: 'actions-runner',
            command: ['/home/runner/run.sh'],
            args: ['--once'],
            env: [{ name: 'DOCKER_HOST', value: 'unix:///var/run/docker.sock' }],
            securityContext: { runAsUser: 1001 },
            resources: { limits: { memory: '1Gi' } },
            volumeMounts: [{ name: 'work', mountPath: '/home/runner/_work' }],
          },
        ],
        volumes: [{ name: 'work', emptyDir: {} }],
      },
    }
    const message = { id: 'a1', parts: 2, runnerVersion: '2.336.0', serverUrl: 'https://github.com' }
    const job = aJob({ spec: { message } })
    const pod = desiredPod(aPool({ spec: { mode: 'Worker', template } }), job, aRunner({ job }), 'the agent')
    golden('worker-pod', pod)
  })

  it('of mode Worker finds the runner where the pool says, else in the container’s workingDir, else in its image’s', () => {
    const job = aJob({ spec: { message: { id: 'a', parts: 1 } } })
    const directoryIn = (container: object, worker?: RunnerPoolSpec['worker']) => {
      const template = { spec: { containers: [{ name: 'runner', ...container }] } }
      const spec = { mode: 'Worker', template, ...(worker !== undefined && { worker }) } as const
      const pod = desiredPod(aPool({ spec }), job, aRunner({ job }))
      return JSON.stringify(pod.spec).match(/"RUNNERHUB_RUNNER_DIRECTORY","value":"([^"]*)"/)?.[1]
    }
    expect(directoryIn({})).to.equal('/home/runner')
    expect(directoryIn({ workingDir: '/runner' })).to.equal('/runner')
    expect(directoryIn({ workingDir: '/runner' }, { runnerDirectory: '/opt/runner' })).to.equal('/opt/runner')
  })

  it('brings the agent in a ConfigMap of the pool’s own, another for each version', () => {
    const pool = aPool()
    const other = aPool({ metadata: { uid: 'other' } })
    const names = [agentName(pool, '1'), agentName(pool, '2'), agentName(other, '1')]
    expect(new Set(names).size).to.equal(3)
    expect(agentName(pool, '1'))
      .to.equal(names[0])
      .and.match(/^runnerhub-agent-[0-9a-f]{16}$/)
  })

  it('is none of a pool whose mode is not the job’s any more', () => {
    const handedOver = aJob({ spec: { message: { id: 'a', parts: 1 } } })
    const worker = aPool({ spec: { mode: 'Worker' } })
    expect(() => desiredPod(aPool(), handedOver, aRunner())).to.throw(BadTemplate, 'is of mode Template by now')
    expect(() => desiredPod(worker, aJob(), aRunner())).to.throw(BadTemplate, 'is of mode Worker by now')
  })

  it('uses callers’ input only as values of variables', () => {
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

  it('has as the job’s container the one named "runner", else the first', () => {
    const annotations = (names: string[]) =>
      podOf({ spec: { containers: names.map((name) => ({ name })) } }).metadata.annotations
    expect(annotations(['a', 'runner'])).to.deep.equal({ ...kept, 'runnerhub.dev/job-container': 'runner' })
    expect(annotations(['a', 'b'])).to.deep.equal({ ...kept, 'runnerhub.dev/job-container': 'a' })
  })

  it('keeps autoscalers from its node, unless the template lets them', () => {
    const spec = { containers: [{ name: 'main' }] }
    const own = { 'karpenter.sh/do-not-disrupt': 'false' }
    expect(podOf({ spec }).metadata.annotations).to.include(kept)
    expect(podOf({ metadata: { annotations: own }, spec }).metadata.annotations).to.include({ ...kept, ...own })
  })

  for (const [what, containers] of Object.entries({ none: undefined, 'an empty list': [], text: 'main' })) {
    it(`cannot be created if containers is ${what}`, () => {
      expect(() => podOf({ spec: { containers } })).to.throw(BadTemplate, 'at least one container')
    })
  }

  it('leaves invalid containers for the API server to reject', () => {
    expect(podOf({ spec: { containers: ['main', null] } }).spec['containers']).to.have.length(2)
  })
})
