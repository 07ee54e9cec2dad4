import { expect } from 'chai'
import type { Pod } from '../../../src/api/pod.ts'
import { Scheduler } from '../../../src/controllers/pool/scheduler.ts'
import { enqueueAll, watchCaches } from '../../../src/controllers/watches.ts'
import { Workqueue } from '../../../src/kube/queue/workqueue.ts'
import {
  aContainer,
  aJob,
  aPod,
  aPool,
  aRunner,
  deletedAt,
  ended,
  judged,
  podStatus,
  running,
  stamp,
} from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

class Scene extends FilledCaches {
  readonly queue = new Workqueue({ clock: new HandClock() })
  readonly stop: () => void

  constructor() {
    super()
    this.stop = watchCaches(this.caches, this.queue, new Scheduler({ caches: this.caches, wake: () => undefined }))
  }

  /** The keys queued since the last call, in order; `+` marks deferred ones. */
  async due(): Promise<string[]> {
    const keys: string[] = []
    while (this.queue.depth > 0) {
      const work = await this.queue.take(new AbortController().signal)
      if (work === undefined) break
      this.queue.done(work.key)
      keys.push(work.lane === 'deferred' ? `+${work.key}` : work.key)
    }
    return keys.toSorted()
  }
}

async function running1() {
  const scene = new Scene()
  const job = scene.putJob(aJob())
  const runner = scene.putRunner(aRunner({ job }))
  const pod = scene.putPod(aPod({ runner, status: podStatus('Running', aContainer(running)) }))
  await scene.due()
  return { scene, job, runner, pod }
}

describe('a change', () => {
  it('of a job requeues the job, at once unless it has finished', async () => {
    const scene = new Scene()
    const job = scene.putJob(aJob())
    expect(await scene.due()).to.deep.equal(['job:ns/job'])
    scene.putJob({ ...job, status: { phase: 'Completed' } })
    expect(await scene.due()).to.deep.equal(['+job:ns/job'])
  })

  it('of a finished job requeues it at once as long as its pod waits to be released', async () => {
    const { scene, job, pod } = await running1()
    scene.putJob({ ...job, status: { phase: 'Completed' } })
    expect(await scene.due()).to.include('job:ns/job')
    enqueueAll(scene.caches, scene.queue)
    expect(await scene.due()).to.include('job:ns/job')
    scene.putPod({ ...pod, metadata: { ...pod.metadata, finalizers: [] } })
    await scene.due()
    enqueueAll(scene.caches, scene.queue)
    expect(await scene.due()).to.include('+job:ns/job')
  })

  it('of a job that is tried again requeues what is left of the last attempt, once', async () => {
    const { scene, job, pod } = await running1()
    const attempts = [{ number: 1, poolName: 'pool', reason: 'Evicted', message: 'm', endedAt: stamp(5) }]
    const next = scene.putJob({ ...job, status: { phase: 'Queued', attempts } })
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'pod:ns/job-1', 'runner:ns/job-1'])
    scene.putJob({ ...next, status: { ...next.status, message: 'other' } })
    expect(await scene.due()).to.deep.equal(['job:ns/job'])
    scene.putPod({ ...pod, metadata: { ...pod.metadata, ...deletedAt(5) } })
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'pod:ns/job-1', 'runner:ns/job-1'])
  })

  it('of a job’s report also requeues its Runner', async () => {
    const { scene, job } = await running1()
    scene.putJob({ ...job, status: { phase: 'Running', reported: { at: stamp(1) } } })
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'runner:ns/job-1'])
  })

  it('of a pool’s readiness requeues its starting Runners, once it is known', async () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool())
    const refused = { phase: 'Starting', reason: 'InvalidPod' } as const
    scene.putRunner(aRunner({ job: scene.putJob(aJob()), status: refused }))
    const other = scene.putJob(aJob({ metadata: { name: 'other' } }))
    scene.putRunner(aRunner({ job: other, spec: { poolName: 'elsewhere' }, status: refused }))
    scene.putRunner(aRunner({ job: scene.putJob(aJob({ metadata: { name: 'starting' } })) }))
    await scene.due()
    const ready = scene.putPool(judged(pool, 'True'))
    expect(await scene.due()).to.deep.equal(['runner:ns/job-1', 'runner:ns/starting-1'])
    scene.putPool(judged(ready, 'True', { lastTransitionTime: stamp(2) }))
    expect(await scene.due()).to.deep.equal([])
    scene.putPool({ ...ready, metadata: { ...ready.metadata, generation: 2 } })
    expect(await scene.due()).to.deep.equal(['pool:ns/pool'])
  })

  it('of a Runner requeues the Runner and its job, even when the Runner is gone', async () => {
    const scene = new Scene()
    const runner = scene.putRunner(aRunner({ job: scene.putJob(aJob()) }))
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'runner:ns/job-1'])
    scene.remove(runner)
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'runner:ns/job-1'])
  })

  it('of a pod requeues its Runner and its job', async () => {
    const { scene, pod } = await running1()
    scene.putPod({ ...pod, status: podStatus('Succeeded', aContainer(ended(0))) })
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'runner:ns/job-1'])
    scene.remove(pod)
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'runner:ns/job-1'])
  })

  it('of a pod that does not affect its job requeues nothing', async () => {
    const { scene, pod } = await running1()
    const ready = { type: 'Ready', status: 'True' }
    const same: Pod[] = [
      { ...pod, status: { ...pod.status, conditions: [ready], startTime: 'now' } },
      { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, more: 'labels' } } },
    ]
    for (const each of same) scene.putPod(each)
    expect(await scene.due()).to.deep.equal([])
  })

  it('of a pod’s labels requeues the pod for later', async () => {
    const { scene, pod } = await running1()
    const { 'runnerhub.dev/runner': _, ...others } = pod.metadata.labels ?? {}
    for (const labels of [{}, others, { ...pod.metadata.labels, 'runnerhub.dev/pool': 'other' }]) {
      scene.putPod({ ...pod, metadata: { ...pod.metadata, labels } })
      expect(await scene.due()).to.deep.equal(['+pod:ns/job-1'])
    }
    scene.putPod(pod)
    expect(await scene.due()).to.deep.equal([])
  })

  it('of a pod that is released or deleted requeues its job', async () => {
    const { scene, pod } = await running1()
    for (const change of [{ finalizers: [] }, deletedAt(5)]) {
      scene.putPod({ ...pod, metadata: { ...pod.metadata, ...change } })
      expect(await scene.due()).to.deep.equal(['job:ns/job', 'runner:ns/job-1'])
    }
  })

  it('of a pool’s spec requeues the pool, of its status it does not', async () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool())
    expect(await scene.due()).to.deep.equal(['pool:ns/pool'])
    scene.putPool({ ...pool, status: { observedGeneration: 1 } })
    expect(await scene.due()).to.deep.equal([])
    scene.putPool({ ...pool, metadata: { ...pool.metadata, generation: 2 } })
    expect(await scene.due()).to.deep.equal(['pool:ns/pool'])
    scene.remove(pool)
    expect(await scene.due()).to.deep.equal(['pool:ns/pool'])
  })

  it('of a pool’s finishedPodTTLSeconds requeues the jobs with a Runner in it, deferred', async () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool())
    const other = aJob({ metadata: { name: 'other' } })
    scene.putRunner(aRunner({ job: scene.putJob(aJob()) }))
    scene.putRunner(aRunner({ job: scene.putJob(other), spec: { poolName: 'other' } }))
    await scene.due()
    const metadata = { ...pool.metadata, generation: 2 }
    scene.putPool({ ...pool, metadata, spec: { ...pool.spec, finishedPodTTLSeconds: 5 } })
    expect(await scene.due()).to.deep.equal(['+job:ns/job', 'pool:ns/pool'])
  })

  it('requeues nothing after unsubscribing', async () => {
    const scene = new Scene()
    scene.stop()
    const runner = scene.putRunner(aRunner({ job: scene.putJob(aJob()) }))
    scene.putPod(aPod({ runner }))
    scene.putPool(aPool())
    expect(await scene.due()).to.deep.equal([])
  })
})

describe('a pod whose job is gone', () => {
  it('is requeued itself, to be released', async () => {
    const { scene, job } = await running1()
    scene.remove(job)
    expect(await scene.due()).to.deep.equal(['job:ns/job', 'pod:ns/job-1', 'runner:ns/job-1'])
  })

  it('is requeued itself at each change', async () => {
    const { scene, job, pod } = await running1()
    scene.remove(job)
    await scene.due()
    scene.putPod({ ...pod, metadata: { ...pod.metadata, ...deletedAt(5) } })
    expect(await scene.due()).to.include('pod:ns/job-1')
  })

  it('is requeued although another job has its name by now', async () => {
    const { scene, job, pod } = await running1()
    scene.remove(job)
    scene.putJob(aJob({ metadata: { uid: 'later' } }))
    await scene.due()
    scene.putPod({ ...pod, metadata: { ...pod.metadata, ...deletedAt(5) } })
    expect(await scene.due()).to.include('pod:ns/job-1')
  })

  it('is requeued itself once its job’s status has another Runner, whose pod it is not', async () => {
    const scene = new Scene()
    const earlier = aJob({ metadata: { uid: 'earlier' } })
    // Its Runner went before this process started.
    scene.putPod(aPod({ runner: aRunner({ job: earlier, metadata: { uid: 'earlier-runner' } }) }))
    const job = scene.putJob(aJob())
    const { metadata } = scene.putRunner(aRunner({ job }))
    await scene.due()
    scene.putJob({ ...job, status: { phase: 'Assigned', runnerRef: { name: metadata.name, uid: metadata.uid } } })
    expect(await scene.due()).to.include('pod:ns/job-1')
  })

  it('is requeued itself when a Runner of its name appears', async () => {
    const scene = new Scene()
    const earlier = aJob({ metadata: { uid: 'earlier' } })
    const job = scene.putJob(aJob({ metadata: { creationTimestamp: stamp(60) } }))
    scene.putPod(aPod({ runner: aRunner({ job: earlier, metadata: { uid: 'earlier-runner' } }) }))
    await scene.due()
    scene.putRunner(aRunner({ job }))
    expect(await scene.due()).to.include('pod:ns/job-1')
  })

  it('is not requeued itself while its job exists', async () => {
    const { scene, pod } = await running1()
    scene.putPod({ ...pod, metadata: { ...pod.metadata, ...deletedAt(5) } })
    expect(await scene.due()).to.not.include('pod:ns/job-1')
  })
})

describe('the start of a term', () => {
  it('requeues everything once; finished jobs and pods are deferred', async () => {
    const { scene, runner } = await running1()
    scene.putJob(aJob({ metadata: { name: 'done' }, status: { phase: 'Failed' } }))
    scene.putPool(aPool())
    await scene.due()
    enqueueAll(scene.caches, scene.queue)
    expect(await scene.due()).to.deep.equal([
      '+job:ns/done',
      `+pod:ns/${runner.metadata.name}`,
      'job:ns/job',
      'pool:ns/pool',
      'runner:ns/job-1',
    ])
  })
})
