import { expect } from 'chai'
import { CONTAINER_ANNOTATION } from '../../../../src/api/names.ts'
import type { Pod, PodStatus } from '../../../../src/api/pod.ts'
import { type Exit, type PodState, podState } from '../../../../src/domain/pod/state.ts'
import { aContainer, aPod, at, deletedAt, ended, podStatus, running, stamp } from '../../../objects/builders.ts'

const notFound = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'could not be located' } }
const evicted: PodStatus = { phase: 'Failed', reason: 'Evicted', message: 'low on memory' }
const shutdown: PodStatus = { phase: 'Failed', reason: 'Terminated', message: 'node shutdown' }
const taint = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'taint' }
const apiEviction = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'drain' }

type Bare<S> = S extends unknown ? Omit<S, 'facts'> : never
type Essence = Bare<PodState>

/** The state without the facts, which have their own tests. */
function essence(pod: Pod | undefined): Essence {
  const state = podState(pod)
  if (state.is === 'absent') return state
  const { facts: _facts, ...rest } = state
  return rest
}

function ranTo(phase: string, code: number, given = {}): PodStatus {
  return podStatus(phase, aContainer(ended(code, given)))
}

const cases: [behaviour: string, pod: Pod | undefined, is: Essence][] = [
  ['no pod is absent', undefined, { is: 'absent' }],
  ['a new pod waits', aPod({ nodeName: null }), waitingToStart()],
  ['a pod without any status waits', { ...aPod({ nodeName: null }), status: {} }, waitingToStart()],
  ['a started container runs', aPod({ status: podStatus('Running', aContainer(running)) }), { is: 'running' }],
  ['exit code 0 is success', aPod({ status: ranTo('Succeeded', 0) }), exited(0, 'Succeeded', 'exit code 0')],
  ['any other exit code is a failure', aPod({ status: ranTo('Failed', 3) }), exited(3, 'ExitCode', 'exit code 3')],
  [
    'an out-of-memory kill has its own reason',
    aPod({ status: ranTo('Failed', 137, { reason: 'OOMKilled' }) }),
    exited(137, 'OOMKilled', 'out of memory (exit code 137)'),
  ],
  [
    'an out-of-memory kill of a child process does not fail a job with exit code 0',
    aPod({ status: ranTo('Succeeded', 0, { reason: 'OOMKilled' }) }),
    exited(0, 'Succeeded', 'exit code 0'),
  ],
  [
    'a container that its node lost in a crash is not the job’s fault',
    aPod({ status: ranTo('Failed', 255, { reason: 'Unknown' }) }),
    exited(255, 'NodeLost', 'the node lost the container, as after a crash (exit code 255)'),
  ],
  [
    'exit code 255 of the job itself is the job’s',
    aPod({ status: ranTo('Failed', 255, { reason: 'Error' }) }),
    exited(255, 'ExitCode', 'exit code 255'),
  ],
  [
    'a command that cannot be started is the pod’s fault',
    aPod({ status: ranTo('Failed', 128, { reason: 'StartError', message: 'no such file' }) }),
    exited(128, 'InvalidPod', 'the container could not start: no such file'),
  ],
  [
    'a failed init container is named',
    aPod({
      status: {
        phase: 'Failed',
        initContainerStatuses: [aContainer(ended(0), 'fetch'), aContainer(ended(2), 'setup')],
        containerStatuses: [aContainer({ waiting: { reason: 'PodInitializing' } })],
      },
    }),
    exited(2, 'ExitCode', 'init container setup: exit code 2'),
  ],
  [
    'a pod that the kubelet rejected is lost with the kubelet’s reason',
    aPod({ status: { phase: 'Failed', reason: 'OutOfcpu', message: 'not enough cpu' } }),
    { is: 'lost', reason: 'Unschedulable', message: 'not enough cpu' },
  ],
  [
    'a pod that the kubelet rejected for its spec is not valid',
    aPod({ status: { phase: 'Failed', reason: 'SysctlForbidden', message: 'forbidden sysctl' } }),
    { is: 'lost', reason: 'InvalidPod', message: 'the pod ended without running the job: forbidden sysctl' },
  ],
  [
    'a pod that the kubelet rejected without a message has the reason as its message',
    aPod({ status: { phase: 'Failed', reason: 'PodOSNotSupported' } }),
    { is: 'lost', reason: 'InvalidPod', message: 'the pod ended without running the job: PodOSNotSupported' },
  ],
  [
    'a pod whose template limits its time has timed out',
    aPod({ status: { ...ranTo('Failed', 137), reason: 'DeadlineExceeded', message: 'longer than allowed' } }),
    exited(137, 'JobTimeout', 'longer than allowed'),
  ],
  [
    'a pod that ended without a container status is lost',
    aPod({ status: { phase: 'Failed' } }),
    { is: 'lost', reason: 'NodeLost', message: 'the pod ended without running the job: no container status' },
  ],
  [
    'a container that the kubelet no longer found has no exit code',
    aPod({ status: podStatus('Failed', aContainer(notFound)) }),
    { is: 'lost', reason: 'NodeLost', message: 'the kubelet no longer found the container' },
  ],
  [
    'a pod that was evicted before its container started is evicted, not lost',
    aPod({ status: { ...podStatus('Failed', aContainer(notFound)), ...evicted } }),
    { is: 'lost', reason: 'Evicted', message: 'low on memory' },
  ],
  [
    'a pod that was deleted before its container started was deleted',
    aPod({ metadata: deletedAt(15), status: podStatus('Failed', aContainer(notFound)) }),
    { is: 'lost', reason: 'PodDeleted', message: 'the pod was deleted' },
  ],
  [
    'a pod that was deleted before it got a node is lost at once, since no kubelet will report its end',
    aPod({ metadata: deletedAt(15), nodeName: null }),
    { is: 'lost', reason: 'PodDeleted', message: 'the pod was deleted' },
  ],
  [
    'a preempted pod without a node is lost to the scheduler',
    aPod({
      metadata: deletedAt(15),
      nodeName: null,
      status: { conditions: [{ ...taint, reason: 'PreemptionByScheduler' }] },
    }),
    { is: 'lost', reason: 'Preempted', message: 'taint' },
  ],
]

function waitingToStart() {
  return { is: 'waiting', reason: 'RunnerStarting', message: 'pod job-1 is starting', fatal: false } as const
}

function exited(code: number, reason: Exit['reason'], message: string, finishedAt = stamp(20)) {
  return { is: 'exited', exit: { code, reason, message, finishedAt } } as const
}

describe('the state of a pod', () => {
  for (const [behaviour, pod, is] of cases) it(behaviour, () => expect(essence(pod)).to.deep.equal(is))
})

describe('a disruption', () => {
  it('explains any exit code but 0', () => {
    const drained = { ...ranTo('Failed', 143), conditions: [apiEviction] }
    expect(essence(aPod({ status: drained }))).to.deep.equal(exited(143, 'Evicted', 'drain'))
  })

  it('does not turn a job that succeeded into a failure', () => {
    const drainedLater = { ...ranTo('Succeeded', 0), conditions: [apiEviction] }
    expect(essence(aPod({ metadata: deletedAt(30), status: drainedLater }))).to.deep.equal(
      exited(0, 'Succeeded', 'exit code 0'),
    )
  })

  it('is not a success even when the job exits with code 0 on SIGTERM', () => {
    expect(essence(aPod({ status: { ...ranTo('Failed', 0), ...evicted } }))).to.deep.equal(
      exited(0, 'Evicted', 'low on memory'),
    )
    expect(essence(aPod({ status: { ...ranTo('Failed', 0), ...shutdown } }))).to.deep.equal(
      exited(0, 'NodeLost', 'node shutdown'),
    )
    const drained = { ...ranTo('Succeeded', 0), conditions: [apiEviction] }
    expect(essence(aPod({ metadata: deletedAt(15), status: drained }))).to.deep.equal(exited(0, 'Evicted', 'drain'))
  })
})

describe('a pod that was evicted after its container had ended', () => {
  const inSecond = (second: number) => ({ ...apiEviction, lastTransitionTime: stamp(second) })
  const after = (second: number) => essence(aPod({ status: { ...ranTo('Failed', 3), conditions: [inSecond(second)] } }))

  it('failed by itself', () => expect(after(21)).to.deep.equal(exited(3, 'ExitCode', 'exit code 3')))

  it('counts as evicted if both happened in the same second', () => {
    expect(after(20)).to.deep.equal(exited(3, 'Evicted', 'drain'))
  })
})

describe('a deleted pod', () => {
  const withCode = (code: number, deleted: number, grace?: number): Pod =>
    aPod({ metadata: deletedAt(deleted, grace), status: ranTo(code === 0 ? 'Succeeded' : 'Failed', code) })
  const cut = (code: number) => exited(code, 'PodDeleted', `the pod was deleted while its job ran (exit code ${code})`)

  it('fails its job when the container ended after that', () => {
    expect(essence(withCode(143, 15))).to.deep.equal(cut(143))
    expect(essence(withCode(0, 15))).to.deep.equal(cut(0))
  })

  it('does not fail a job that ended before', () => {
    expect(essence(withCode(0, 25))).to.deep.equal(exited(0, 'Succeeded', 'exit code 0'))
    expect(essence(withCode(1, 25))).to.deep.equal(exited(1, 'ExitCode', 'exit code 1'))
  })

  it('fails its job also when both happened in the same second, whatever the exit code', () => {
    expect(essence(withCode(0, 20))).to.deep.equal(cut(0))
    expect(essence(withCode(143, 20))).to.deep.equal(cut(143))
  })

  it('counts from the request, whatever the grace period', () => {
    expect(essence(withCode(0, 25, 0))).to.deep.equal(exited(0, 'Succeeded', 'exit code 0'))
    expect(essence(withCode(0, 15, 3600))).to.deep.equal(cut(0))
  })

  it('fails its job when the kubelet has deleted it once more, without a grace period, after its containers', () => {
    expect(essence(withCode(0, 21, 0))).to.deep.equal(cut(0))
    expect(essence(withCode(143, 30, 0))).to.deep.equal(cut(143))
    expect(essence(withCode(137, 30, 0))).to.deep.equal(cut(137))
  })

  it('keeps the outcome of a job whose pod is deleted in the next second but one, or later, without a grace period', () => {
    expect(essence(withCode(0, 22, 0))).to.deep.equal(exited(0, 'Succeeded', 'exit code 0'))
    expect(essence(withCode(1, 22, 0))).to.deep.equal(exited(1, 'ExitCode', 'exit code 1'))
  })

  it('is ending while its container may still run, and lost half a minute after its grace period', () => {
    const pod = aPod({ metadata: deletedAt(15, 60), status: podStatus('Running', aContainer(running)) })
    expect(essence(pod)).to.deep.equal({ is: 'ending', giveUpAt: at(15 + 60 + 30), reason: 'PodDeleted' })
  })

  it('is ending with the reason of its condition', () => {
    const status = { ...podStatus('Running', aContainer(running)), conditions: [taint] }
    expect(essence(aPod({ metadata: deletedAt(15), status }))).to.include({ is: 'ending', reason: 'NodeLost' })
  })
})

describe('the job’s container', () => {
  const statuses = [aContainer(running, 'sidecar'), aContainer(ended(5), 'main')]
  const annotations = { [CONTAINER_ANNOTATION]: 'main' }

  it('is the one in the pod’s annotation, at any position', () => {
    const pod = aPod({ metadata: { annotations }, status: podStatus('Running', ...statuses) })
    expect(essence(pod)).to.deep.equal(exited(5, 'ExitCode', 'exit code 5'))
  })

  it('is the first one without an annotation', () => {
    expect(essence(aPod({ status: podStatus('Running', ...statuses) }))).to.deep.equal({ is: 'running' })
  })

  it('ends the job although a sidecar keeps running, which then has to be stopped', () => {
    const state = podState(aPod({ metadata: { annotations }, status: podStatus('Running', ...statuses) }))
    expect(state).to.nested.include({ is: 'exited', 'facts.containersTerminated': false, 'facts.isTerminal': false })
  })

  for (const [what, finished, reason] of [
    ['before', 29, 'Succeeded'],
    ['at', 30, 'JobTimeout'],
  ] as const) {
    it(`decides the outcome only if it ended before the pod’s deadline, here ${what} it`, () => {
      const status = {
        ...podStatus('Failed', aContainer(ended(0, { finishedAt: stamp(finished) }), 'main')),
        reason: 'DeadlineExceeded',
        startTime: stamp(10),
      }
      const pod = aPod({ metadata: { annotations }, status })
      const state = podState({ ...pod, spec: { ...pod.spec, activeDeadlineSeconds: 20 } })
      expect(state).to.nested.include({ is: 'exited', 'exit.reason': reason })
    })
  }

  it('ends the job although one sidecar never started', () => {
    const pulling = aContainer({ waiting: { reason: 'ImagePullBackOff' } }, 'sidecar')
    const pod = aPod({ metadata: { annotations }, status: podStatus('Running', aContainer(ended(0), 'main'), pulling) })
    expect(podState(pod)).to.nested.include({ is: 'exited', 'facts.containersTerminated': false })
  })

  it('ends the job although a restartable init container keeps running, which the kubelet stops', () => {
    const status = { ...ranTo('Running', 0), initContainerStatuses: [aContainer(running, 'docker')] }
    expect(podState(aPod({ status }))).to.nested.include({
      is: 'exited',
      'facts.containersTerminated': true,
      'facts.isTerminal': false,
    })
  })

  it('ends the job at once: the kubelet takes a second or more to give the pod its final phase', () => {
    const state = podState(aPod({ status: ranTo('Running', 0) }))
    expect(state).to.nested.include({
      is: 'exited',
      'exit.reason': 'Succeeded',
      'facts.containersTerminated': true,
      'facts.isTerminal': false,
    })
  })

  it('that was not found counts as running until the kubelet reports the reason', () => {
    expect(essence(aPod({ status: podStatus('Running', aContainer(notFound)) }))).to.deep.equal({ is: 'running' })
  })

  it('that ended while the pod was being deleted was cut short', () => {
    const pod = aPod({ metadata: deletedAt(15), status: ranTo('Running', 143) })
    expect(essence(pod)).to.nested.include({ is: 'exited', 'exit.reason': 'PodDeleted' })
  })
})

describe('the facts of a pod', () => {
  function factsOf(pod: Pod) {
    const state = podState(pod)
    if (state.is === 'absent') throw new Error('absent')
    return state.facts
  }

  it('are those of a running pod', () => {
    expect(factsOf(aPod({ status: podStatus('Running', aContainer(running)) }))).to.deep.equal({
      name: 'job-1',
      uid: 'job-1-pod-uid',
      nodeName: 'node',
      containerId: 'containerd://runner',
      startedAt: stamp(10),
      isDeleting: false,
      hasOutcomeFinalizer: true,
      containersTerminated: false,
      isTerminal: false,
    })
  })

  it('are few for a new pod', () => {
    const facts = {
      name: 'job-1',
      uid: 'job-1-pod-uid',
      isDeleting: false,
      hasOutcomeFinalizer: false,
      containersTerminated: false,
      isTerminal: false,
    }
    expect(factsOf(aPod({ metadata: { finalizers: [] }, nodeName: null }))).to.deep.equal(facts)
  })

  it('have no start of a container that never ran: the kubelet writes null or the epoch', () => {
    const never = [null, '1970-01-01T00:00:00Z']
    for (const startedAt of never) {
      const state = ended(128, { startedAt, finishedAt: null })
      const pod = podState(aPod({ status: podStatus('Failed', aContainer(state)) }))
      expect(pod).to.have.property('facts').that.does.not.have.property('startedAt')
      expect(pod).to.have.nested.property('exit').that.does.not.have.property('finishedAt')
    }
  })

  it('have the container’s id from its terminated state if only that has it', () => {
    const { containerID: _id, ...status } = aContainer(ended(0, { containerID: 'containerd://ended' }))
    expect(factsOf(aPod({ status: podStatus('Succeeded', status) })).containerId).to.equal('containerd://ended')
    expect(
      factsOf(aPod({ status: podStatus('Pending', { ...status, containerID: '', state: {} }) })),
    ).to.not.have.property('containerId')
  })

  for (const phase of ['Succeeded', 'Failed']) {
    it(`have no container left to stop at ${phase}`, () => {
      expect(factsOf(aPod({ status: { phase } }))).to.include({ containersTerminated: true, isTerminal: true })
    })
  }
})
