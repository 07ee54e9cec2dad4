import { expect } from 'chai'
import { JOB_UID_LABEL } from '../../../src/api/names.ts'
import type { ObjectMeta } from '../../../src/api/object.ts'
import type { Pod } from '../../../src/api/pod.ts'
import type { RunnerJobStatus } from '../../../src/api/runner-job.ts'
import { jobKeyOf, podOf, previousPodOf } from '../../../src/cluster/caches.ts'
import { aJob, aPod, aRunner, deletedAt, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

const job = aJob()
const runner = aRunner({ job })
const other = { 'runnerhub.dev/job': 'other', 'runnerhub.dev/job-uid': 'other-uid', 'runnerhub.dev/pool': 'other' }
const refs = { runnerRef: { name: runner.metadata.name, uid: runner.metadata.uid } }

/** Caches with the job, its Runner and its pod; the Runner may be gone by now. */
function scene(metadata: Partial<ObjectMeta> = {}, status: Partial<RunnerJobStatus> = {}) {
  const stores = new FilledCaches()
  const owner = stores.putJob(aJob({ status }))
  const made = stores.putRunner(runner)
  const pod = stores.putPod(aPod({ runner, metadata }))
  return { stores, job: owner, runner: made, pod }
}

/** Caches of a process that started after the deletion of the Runner. */
function later(pod: Pod, status: Partial<RunnerJobStatus> = {}, created = 0) {
  const stores = new FilledCaches()
  stores.putPod(pod)
  return podOf(stores.caches, stores.putJob(aJob({ status, metadata: { creationTimestamp: stamp(created) } })))
}

describe('the pods of a job’s attempts', () => {
  const attempt = { number: 1, poolName: 'pool', podUID: 'job-1-pod-uid', reason: 'r', message: 'm', endedAt: stamp(5) }
  const retried = aJob({ status: { attempts: [attempt] } })
  const second = aRunner({ job, spec: { attempt: 2 }, metadata: { name: 'job-2', uid: 'job-2-uid' } })

  it('are told apart by their names', () => {
    const { stores, pod } = scene()
    const next = stores.putJob(retried)
    const uids = () =>
      [podOf(stores.caches, next), previousPodOf(stores.caches, next)].map((each) => each?.metadata.uid)
    expect(uids()).to.deep.equal([undefined, pod.metadata.uid])
    stores.putRunner(second)
    const later2 = stores.putPod(aPod({ runner: second }))
    expect(uids()).to.deep.equal([later2.metadata.uid, pod.metadata.uid])
    expect(previousPodOf(stores.caches, job)).to.equal(undefined)
  })

  it('are known by the recorded UID to a process that never saw the Runner', () => {
    for (const [uid, isKnown] of Object.entries({ 'job-1-pod-uid': true, other: false })) {
      const stores = new FilledCaches()
      const pod = stores.putPod(aPod({ runner, metadata: { uid } }))
      const found = previousPodOf(stores.caches, stores.putJob(retried))
      expect(found?.metadata.uid, uid).to.equal(isKnown ? pod.metadata.uid : undefined)
    }
  })
})

describe('the pod of a job', () => {
  it('is known when its Runner was deleted before it was seen, even if the job has another Runner by then', () => {
    const stores = new FilledCaches()
    const owner = stores.putJob(aJob())
    stores.remove(stores.putRunner(runner))
    stores.putRunner({ ...runner, metadata: { ...runner.metadata, uid: 'second-uid' } })
    const pod = stores.putPod(aPod({ runner }))
    expect(podOf(stores.caches, owner)?.metadata.uid).to.equal(pod.metadata.uid)
    expect(podOf(stores.caches, aJob({ metadata: { uid: 'later-uid' } }))).to.equal(undefined)
  })

  for (const [what, labels] of Object.entries({ none: {}, 'those of another job': other })) {
    it(`is known by its owner, whatever its labels: ${what}`, () => {
      const { stores, pod } = scene({ labels })
      expect(podOf(stores.caches, job)?.metadata.uid).to.equal(pod.metadata.uid)
      expect(podOf(stores.caches, aJob({ metadata: { uid: 'later-uid' } }))).to.equal(undefined)
    })

    it(`is known when its Runner is gone, whatever its labels: ${what}`, () => {
      const { stores, pod, runner: made } = scene({ labels })
      stores.remove(made)
      expect(podOf(stores.caches, job)?.metadata.uid).to.equal(pod.metadata.uid)
      expect(stores.caches.podRunners.of(pod)?.spec.poolName).to.equal('pool')
      expect(podOf(stores.caches, aJob({ metadata: { uid: 'later-uid' } }))).to.equal(undefined)
    })
  }

  it('is known when its owner reference and then its Runner are removed', () => {
    const { stores, pod, runner: made } = scene()
    stores.putPod({ ...pod, metadata: { ...pod.metadata, ownerReferences: [] } })
    stores.remove(made)
    expect(podOf(stores.caches, job)?.metadata.uid).to.equal(pod.metadata.uid)
    expect(podOf(stores.caches, aJob({ metadata: { uid: 'later-uid' } }))).to.equal(undefined)
  })

  it('is known when it appears after its Runner was deleted, and the job has another Runner', () => {
    const stores = new FilledCaches()
    const owner = stores.putJob(aJob())
    stores.remove(stores.putRunner(runner))
    stores.putRunner(aRunner({ job, metadata: { uid: 'second-uid' } }))
    const pod = stores.putPod(aPod({ runner }))
    expect(podOf(stores.caches, owner)?.metadata.uid).to.equal(pod.metadata.uid)
    expect(podOf(stores.caches, aJob({ metadata: { uid: 'later-uid' } }))).to.equal(undefined)
  })

  it('belongs to the job for a process that never saw its Runner, though the job has another Runner', () => {
    const stores = new FilledCaches()
    const owner = stores.putJob(aJob())
    stores.putRunner(aRunner({ job, metadata: { uid: 'second-uid' } }))
    const pod = stores.putPod(aPod({ runner }))
    expect(podOf(stores.caches, owner)?.metadata.uid).to.equal(pod.metadata.uid)
  })

  it('is not remembered after its deletion', () => {
    const { stores, pod, runner: made } = scene()
    stores.remove(made)
    stores.remove(pod)
    expect(stores.caches.podRunners.of(pod)).to.equal(undefined)
  })

  it('is known by the job’s status to a process that has not seen its Runner', () => {
    const pod = aPod({ runner, metadata: { labels: {} } })
    const orphan = aPod({ runner, metadata: { ownerReferences: [] } })
    const { uid } = pod.metadata
    expect(later(pod, refs)?.metadata.uid).to.equal(uid)
    expect(later(pod, { ...refs, podUID: uid })?.metadata.uid).to.equal(uid)
    expect(later(orphan, { ...refs, podUID: uid })?.metadata.uid).to.equal(uid)
    expect(later({ ...orphan, metadata: { ...orphan.metadata, labels: {} } }, refs)).to.equal(undefined)
    expect(later(pod, { ...refs, podUID: 'another' })).to.equal(undefined)
    expect(later(pod, { runnerRef: { name: 'job-1', uid: 'another' } })).to.equal(undefined)
  })

  it('is known by its labels if it has lost its owner and nothing is recorded yet, as long as we hold it', () => {
    const orphan = aPod({ runner, metadata: { ownerReferences: [] } })
    const labels = { ...orphan.metadata.labels, [JOB_UID_LABEL]: 'other-uid' }
    expect(later(orphan, refs)?.metadata.uid).to.equal(orphan.metadata.uid)
    expect(later(orphan)?.metadata.uid).to.equal(orphan.metadata.uid)
    expect(later({ ...orphan, metadata: { ...orphan.metadata, labels } })).to.equal(undefined)
    expect(later({ ...orphan, metadata: { ...orphan.metadata, finalizers: [] } })).to.equal(undefined)
  })

  it('belongs to the job by default if it is not older: no job runs twice', () => {
    const pod = aPod({ runner, metadata: { creationTimestamp: stamp(5) } })
    expect(later(pod)?.metadata.uid).to.equal(pod.metadata.uid)
    expect(later(pod, {}, 6)).to.equal(undefined)
  })

  it('is not that of an earlier Runner if the job’s status names another', () => {
    const stores = new FilledCaches()
    const owner = stores.putJob(aJob({ status: refs }))
    stores.putRunner(runner)
    stores.putPod(aPod({ runner: aRunner({ job, metadata: { uid: 'earlier' } }) }))
    expect(podOf(stores.caches, owner)).to.equal(undefined)
  })
})

describe('the cache of pods', () => {
  it('contains pods with a Runner as owner or with our finalizer, and none that only look like it', () => {
    const { stores } = scene()
    const { pods } = stores.caches
    const stranger = aPod({ metadata: { uid: 'stranger', name: 'stranger', ownerReferences: [], finalizers: [] } })
    stores.putPod(stranger)
    pods.applyOwn({ ...stranger, metadata: { ...stranger.metadata, resourceVersion: '99' } })
    expect(pods.get('ns/stranger')).to.equal(undefined)
    stores.putPod(aPod({ metadata: { name: 'held', uid: 'held', ownerReferences: [] } }))
    stores.putPod(aPod({ metadata: { name: 'owned', uid: 'owned', finalizers: [] } }))
    expect([...pods.list()].map(({ metadata }) => metadata.name)).to.have.members(['job-1', 'held', 'owned'])
  })

  it('drops a pod whose name a foreign pod has by now', () => {
    const { stores } = scene()
    const { pods } = stores.caches
    const metadata = { uid: 'stranger', ownerReferences: [], finalizers: [], resourceVersion: '99' }
    pods.applyOwn(aPod({ metadata }))
    expect(pods.get('ns/job-1')).to.equal(undefined)
  })

  it('keeps a pod that was ours, whatever it loses', () => {
    const { stores, pod } = scene()
    stores.putPod({ ...pod, metadata: { ...pod.metadata, ownerReferences: [], finalizers: [], labels: {} } })
    expect(stores.caches.pods.get('ns/job-1')?.metadata.finalizers).to.deep.equal([])
    expect(podOf(stores.caches, job)?.metadata.uid).to.equal(pod.metadata.uid)
  })

  it('keeps a released pod, and one that is being deleted', () => {
    const { stores, pod } = scene()
    stores.putPod({ ...pod, metadata: { ...pod.metadata, finalizers: [], ...deletedAt(1) } })
    expect(stores.caches.pods.size).to.equal(1)
  })
})

describe('the job of a Runner', () => {
  it('is the one in its spec, whatever its labels are', () => {
    expect(jobKeyOf(aRunner({ job, metadata: { labels: other } }))).to.equal('ns/job')
    expect(jobKeyOf(aRunner({ job, metadata: { labels: {} } }))).to.equal('ns/job')
  })
})
