import { expect } from 'chai'
import { mayHaveEnded } from '../../../../src/domain/job/endings.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { aContainer, aJob, aPod, deletedAt, ended, podStatus } from '../../../objects/builders.ts'

describe('a hook or a probe that may have ended the container of a job', () => {
  const running = aJob({ status: { phase: 'Running' } })
  const status = podStatus('Failed', aContainer(ended(143)))
  const exited = (pod = aPod({ status })) => {
    const state = podState(pod)
    return state.is === 'exited' ? state : expect.fail('not exited')
  }

  it('is a hook before the container was seen to run', () => {
    expect(mayHaveEnded('postStart hook', exited(), aJob())).to.equal(true)
    expect(mayHaveEnded('postStart hook', exited(), running)).to.equal(false)
  })

  it('is a probe at any exit code, unless something else explains the end', () => {
    for (const code of [0, 137, 143]) {
      const pod = aPod({ status: podStatus('Failed', aContainer(ended(code))) })
      expect(mayHaveEnded('liveness probe', exited(pod), running), `exit code ${code}`).to.equal(true)
    }
    const plain = aPod({ status })
    const others = {
      'its deletion': aPod({ metadata: deletedAt(15), status }),
      'an eviction': aPod({ status: { ...status, reason: 'Evicted' } }),
      'too little memory': aPod({ status: podStatus('Failed', aContainer(ended(137, { reason: 'OOMKilled' }))) }),
      'a request to stop': { ...plain, spec: { ...plain.spec, activeDeadlineSeconds: 1 } },
    }
    for (const [what, pod] of Object.entries(others))
      expect(mayHaveEnded('liveness probe', exited(pod), running), what).to.equal(false)
  })
})
