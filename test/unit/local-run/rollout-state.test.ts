import { expect } from 'chai'
import { type Rollout, rolloutOf } from '../../../config/local/run.d/rollout-state.ts'

const revision = (number: number) => ({ annotations: { 'deployment.kubernetes.io/revision': String(number) } })

function deployment(status: Record<string, unknown>, generation = 2): object {
  return { kind: 'Deployment', metadata: { generation, ...revision(2) }, spec: { replicas: 1 }, status }
}

const replicaSets = [1, 2].map((number) => ({
  kind: 'ReplicaSet',
  metadata: { uid: `set-${number}`, ...revision(number) },
}))

function pod(set: number, state: object, status: object = {}): object {
  const ownerReferences = [{ uid: `set-${set}`, controller: true }]
  return {
    kind: 'Pod',
    metadata: { name: `pod-${set}`, ownerReferences },
    status: { containerStatuses: [{ state }], ...status },
  }
}

const old = { observedGeneration: 2, replicas: 2, updatedReplicas: 1, availableReplicas: 1 }
const complete = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 }
const refused = { type: 'ReplicaFailure', status: 'True', message: 'quota' }
const unscheduled = { conditions: [{ type: 'PodScheduled', status: 'False', message: 'no node' }] }

const cases: [behaviour: string, items: object[], rollout: Rollout][] = [
  ['is done when only new pods are there and available', [deployment(complete)], { is: 'done' }],
  [
    'is under way while the deployment is not observed yet',
    [deployment(complete, 3)],
    { is: 'under-way', progress: 'waiting for the cluster to take the deployment up' },
  ],
  [
    'shows what the new pod waits for',
    [deployment(old), pod(2, { waiting: { reason: 'ContainerCreating' } })],
    { is: 'under-way', progress: 'pod pod-2: ContainerCreating' },
  ],
  [
    'shows that no node accepts the new pod',
    [deployment(old), pod(2, {}, unscheduled)],
    { is: 'under-way', progress: 'pod pod-2: no node' },
  ],
  [
    'is stuck when the new pod crashes',
    [deployment(old), pod(2, { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } })],
    { is: 'stuck', why: 'CrashLoopBackOff back-off', pod: 'pod-2' },
  ],
  [
    'is not stuck if only the replaced pod crashes',
    [deployment(old), pod(1, { waiting: { reason: 'CrashLoopBackOff' } }), pod(2, { running: {} })],
    { is: 'under-way', progress: 'pod pod-2 runs and is not ready yet' },
  ],
  ['is stuck when its pod is rejected', [deployment({ ...old, conditions: [refused] })], { is: 'stuck', why: 'quota' }],
]

describe('a rollout', () => {
  for (const [behaviour, items, rollout] of cases) {
    it(behaviour, () => expect(rolloutOf([...items, ...replicaSets])).to.deep.equal(rollout))
  }
})
