import { expect } from 'chai'
import { PodStates } from '../../../src/cluster/pod-states.ts'
import { podState } from '../../../src/domain/pod/state.ts'
import { aContainer, aPod, podStatus, running } from '../../objects/builders.ts'

describe('the state of a pod', () => {
  it('is computed once per object, and again for a changed pod', () => {
    const states = new PodStates()
    const pod = aPod()
    expect(states.of(pod)).to.equal(states.of(pod)).and.to.deep.equal(podState(pod))
    const changed = { ...pod, status: podStatus('Running', aContainer(running)) }
    expect(states.of(changed)).to.include({ is: 'running' })
    expect(states.of(pod)).to.deep.equal(podState(pod))
  })

  it('is absent without a pod', () => {
    expect(new PodStates().of(undefined)).to.deep.equal({ is: 'absent' })
  })
})
