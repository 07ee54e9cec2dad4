import { expect } from 'chai'
import { PodStates } from '../../../src/cluster/pod-states.ts'
import { podState } from '../../../src/domain/pod/state.ts'
import type { Pod } from '../../../src/api/pod.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { aContainer, aPod, deletedAt, ended, podStatus, running } from '../../objects/builders.ts'

describe('the state of a pod', () => {
  it('is computed once per object, and again for a changed pod', () => {
    const states = new PodStates(new Store())
    const pod = aPod()
    expect(states.of(pod)).to.equal(states.of(pod)).and.to.deep.equal(podState(pod))
    const changed = { ...pod, status: podStatus('Running', aContainer(running)) }
    expect(states.of(changed)).to.include({ is: 'running' })
    expect(states.of(pod)).to.deep.equal(podState(pod))
  })

  it('is absent without a pod', () => {
    expect(new PodStates(new Store()).of(undefined)).to.deep.equal({ is: 'absent' })
  })
  describe('that ends, and is deleted or evicted within the same second', () => {
    const evicted = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'drain' }
    const over = (code: number, conditions = [evicted].slice(1)) => ({
      ...podStatus(code === 0 ? 'Succeeded' : 'Failed', aContainer(ended(code))),
      conditions,
    })
    /** What the state is after these versions of the pod, in this order. */
    const after = (...versions: Parameters<typeof aPod>[0][]) => {
      const pods = new Store<Pod>()
      const states = new PodStates(pods)
      for (const [index, version] of versions.entries()) {
        const pod = aPod(version)
        pods.upsert({ ...pod, metadata: { ...pod.metadata, resourceVersion: String(index + 1) } })
      }
      return states.of([...pods.list()][0])
    }
    const gone = { metadata: deletedAt(20), status: over(0) }

    it('has ended by itself if it was seen so before', () => {
      for (const code of [0, 3]) {
        const reason = code === 0 ? 'Succeeded' : 'ExitCode'
        const drained = { metadata: deletedAt(20), status: over(code, [evicted]) }
        expect(after({ status: over(code) }, drained)).to.have.nested.include({ is: 'exited', 'exit.reason': reason })
        const released = { ...drained, metadata: { ...deletedAt(20), finalizers: [] } }
        const later = after({ status: over(code) }, { status: over(code, [evicted]) }, drained, released)
        expect(later).to.have.nested.include({ is: 'exited', 'exit.reason': reason, 'facts.isDeleting': true })
      }
    })

    it('was cut short if both are seen at once, or the deletion first', () => {
      const runs = { status: podStatus('Running', aContainer(running)) }
      expect(after(runs, gone)).to.have.nested.property('exit.reason', 'PodDeleted')
      const asked = { ...runs, metadata: deletedAt(20) }
      expect(after(runs, asked, gone)).to.have.nested.property('exit.reason', 'PodDeleted')
      const marked = { status: over(3, [evicted]) }
      expect(after(runs, marked, gone)).to.have.nested.property('exit.reason', 'PodDeleted')
    })

    it('is evicted if its kubelet says so after the end', () => {
      const failed = { ...over(137), reason: 'Evicted', message: 'low on memory' }
      expect(after({ status: over(137) }, { status: failed })).to.have.nested.property('exit.reason', 'Evicted')
    })
  })
})
