import { expect } from 'chai'
import type { Pod } from '../../../src/api/pod.ts'
import { projectPod } from '../../../src/cluster/project-pod.ts'
import { podState } from '../../../src/domain/pod/state.ts'
import { endersOf } from '../../../src/domain/pod/kubelet-ends.ts'
import { aContainer, aPod, deletedAt, ended, podStatus, running } from '../../objects/builders.ts'

const annotations = { 'runnerhub.dev/job-container': 'main', note: 'long text of another writer' }

/** A pod with all fields that an API server and a kubelet set. */
function fullPod(status: Pod['status']): Pod {
  const pod = aPod({ metadata: { ...deletedAt(5), annotations } })
  const noise = {
    containers: [{ name: 'main' }],
    volumes: [],
    tolerations: [{}],
    nodeName: 'node',
    activeDeadlineSeconds: 1,
  }
  const more = { hostIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.2' }], qosClass: 'Burstable' }
  return { ...pod, spec: noise, status: { ...status, ...more } }
}

const disrupted = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'drain' }
const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }
const statuses: Record<string, Pod['status']> = {
  'has no status': undefined,
  'is pending': { phase: 'Pending', conditions: [unscheduled] },
  runs: { ...podStatus('Running', aContainer(running, 'sidecar'), aContainer(running, 'main')), startTime: 'x' },
  'cannot pull its image': podStatus(
    'Pending',
    aContainer({ waiting: { reason: 'ImagePullBackOff', message: 'm' } }, 'main'),
  ),
  'has a sidecar that keeps exiting': {
    phase: 'Pending',
    initContainerStatuses: [{ ...aContainer(running, 'docker'), restartCount: 1, started: false }],
  },
  'was evicted': {
    ...podStatus('Failed', aContainer(ended(137), 'main')),
    reason: 'Evicted',
    message: 'low',
    conditions: [disrupted],
  },
  'failed in its init container': { phase: 'Failed', initContainerStatuses: [aContainer(ended(2), 'init')] },
}

describe('the projection of a pod', () => {
  for (const [what, status] of Object.entries(statuses)) {
    it(`gives the same state as the whole pod when it ${what}`, () => {
      expect(podState(projectPod(fullPod(status)))).to.deep.equal(podState(fullPod(status)))
    })
  }

  it('has its identity, its owner and its finalizers', () => {
    const pod = fullPod(undefined)
    const { annotations: _annotations, generation: _generation, ...identity } = pod.metadata
    expect(projectPod(pod).metadata).to.deep.equal({
      ...identity,
      annotations: { 'runnerhub.dev/job-container': 'main' },
    })
  })

  it('has little else', () => {
    const ready = { type: 'Ready', status: 'True' }
    const scheduled = { type: 'PodScheduled', status: 'True' }
    const { spec, status } = projectPod(fullPod({ phase: 'Running', conditions: [ready, scheduled] }))
    expect(spec).to.deep.equal({ nodeName: 'node', activeDeadlineSeconds: 1 })
    expect(status).to.deep.equal({ phase: 'Running', conditions: [scheduled] })
  })

  it('has the requests of the whole pod in place of those of its containers', () => {
    const requests = { cpu: '100m', memory: '1Mi' }
    const sidecar = { name: 'sidecar', image: 'big', restartPolicy: 'Always', resources: { requests } }
    const spec = {
      nodeName: 'node',
      overhead: { cpu: '50m' },
      initContainers: [sidecar],
      containers: [{ name: 'main', resources: { requests, limits: { cpu: '9' } } }],
    }
    const status = {
      conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:07Z' }],
    }
    const pod = { ...fullPod(status), spec }
    const projected = projectPod(pod)
    expect(projected.spec).to.deep.equal({
      nodeName: 'node',
      resources: { requests: { cpu: '250m', memory: '2097152' } },
    })
    expect(podState(projected)).to.deep.equal(podState(pod))
    expect(podState(projected)).to.have.property('facts').that.includes({ boundAt: '2026-01-01T00:00:07Z' })
    expect(projectPod(projected)).to.deep.equal(projected)
  })

  it('also has what delays its start, and what may have ended it', () => {
    const hook = { postStart: { exec: { command: ['false'] } }, preStop: {} }
    const containers = [
      { name: 'main', image: 'big', lifecycle: hook },
      { name: 'other', lifecycle: { preStop: {} }, readinessProbe: { exec: {} } },
      { name: 'probed', startupProbe: { exec: {} }, livenessProbe: { tcpSocket: { port: 1 } } },
    ]
    const schedulingGates = [{ name: 'queue' }]
    const ready = { type: 'PodReadyToStartContainers', status: 'True' }
    const pod = fullPod({ phase: 'Pending', conditions: [ready, { ...ready, status: 'False' }] })
    const projected = projectPod({ ...pod, spec: { containers, schedulingGates } })
    expect(projected.spec).to.deep.equal({
      schedulingGates,
      containers: [
        { name: 'main', lifecycle: { postStart: {} } },
        { name: 'probed', startupProbe: {}, livenessProbe: {} },
      ],
    })
    expect(projected.status?.conditions).to.deep.equal([ready])
    for (const name of ['main', 'other', 'probed', 'none'])
      expect(endersOf(projected.spec, name), name).to.deep.equal(endersOf({ containers }, name))
    expect(endersOf(projected.spec, 'probed')).to.deep.equal(['startup probe', 'liveness probe'])
    expect(projectPod(projected)).to.deep.equal(projected)
  })

  it('has its claims until it has a node, and its image pull secrets until it has started', () => {
    const volumes = [
      { name: 'data', persistentVolumeClaim: { claimName: 'data', readOnly: true } },
      { name: 'work', ephemeral: { volumeClaimTemplate: { spec: {} } } },
      { name: 'empty', emptyDir: {} },
    ]
    const spec = {
      volumes,
      resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }],
      imagePullSecrets: [{ name: 'a' }],
    }
    const projected = projectPod({ ...fullPod({ phase: 'Pending' }), spec })
    expect(projected.spec).to.deep.equal({
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'work', ephemeral: {} },
      ],
      resourceClaims: [{ name: 'gpu' }],
      imagePullSecrets: [{ name: 'a' }],
    })
    expect(projectPod(projected)).to.deep.equal(projected)
    const bound = projectPod({ ...fullPod({ phase: 'Pending' }), spec: { ...spec, nodeName: 'node' } })
    expect(bound.spec).to.deep.equal({ nodeName: 'node', imagePullSecrets: [{ name: 'a' }] })
    const started = projectPod({ ...fullPod({ phase: 'Running' }), spec: { ...spec, nodeName: 'node' } })
    expect(started.spec).to.deep.equal({ nodeName: 'node' })
  })

  it('is idempotent', () => {
    const once = projectPod(fullPod(statuses['was evicted']))
    expect(projectPod(once)).to.deep.equal(once)
  })
})
