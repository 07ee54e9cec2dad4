import { expect } from 'chai'
import { enderIn, endersOf } from '../../../../src/domain/pod/kubelet-ends.ts'

describe('what ends a container', () => {
  for (const [reason, note, ender] of [
    ['FailedPostStartHook', 'PostStartHook failed', 'postStart hook'],
    ['Killing', 'Container runner failed startup probe', 'startup probe'],
    ['Killing', 'Container runner failed liveness probe, will be restarted', 'liveness probe'],
    ['Killing', 'Stopping container runner', undefined],
    ['Killing', 'Container runner definition changed', undefined],
    ['Unhealthy', 'Liveness probe failed: refused', undefined],
    ['FailedPreStopHook', 'PreStopHook failed', undefined],
  ] as const) {
    it(`is ${ender ?? 'nothing of these'} in the Event ${reason}: ${note}`, () => {
      expect(enderIn({ reason, note })).to.equal(ender)
    })
  }

  it('is none of a template without such a setting, or of the wrong shape', () => {
    for (const containers of [undefined, 'x', [null], [{ name: 'runner', lifecycle: 'x', startupProbe: null }]])
      expect(endersOf({ containers }, 'runner')).to.deep.equal([])
  })
})
