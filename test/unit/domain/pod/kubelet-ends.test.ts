import { expect } from 'chai'
import { type Ender, enderIn, endersOf } from '../../../../src/domain/pod/kubelet-ends.ts'

const event = (reason: string, note: string, lastMs = 100_000) => ({ reason, note, lastMs })
const stopped = event('Killing', 'Stopping container runner', 101_000)
const all: Ender[] = ['postStart hook', 'startup probe', 'liveness probe']

const cases: [what: string, events: ReturnType<typeof event>[], ender: Ender | undefined][] = [
  ['a failed hook', [event('FailedPostStartHook', 'PostStartHook failed')], 'postStart hook'],
  ['a kill for a startup probe', [event('Killing', 'Container runner failed startup probe')], 'startup probe'],
  [
    'a kill for a liveness probe, while another container goes on',
    [event('Killing', 'Container runner failed liveness probe, will be restarted')],
    'liveness probe',
  ],
  [
    'a failed probe, and right after it the end of the whole pod',
    [event('Unhealthy', 'Liveness probe failed: refused'), stopped],
    'liveness probe',
  ],
  [
    'a probe that cannot run',
    [event('Unhealthy', 'Startup probe errored and resulted in failure state: no such file'), stopped],
    'startup probe',
  ],
  ['a failed probe long before', [event('Unhealthy', 'Liveness probe failed: refused', 1000), stopped], undefined],
  ['a failed probe that ended nothing', [event('Unhealthy', 'Liveness probe failed: refused')], undefined],
  ['a readiness probe', [event('Unhealthy', 'Readiness probe failed: refused'), stopped], undefined],
  ['the end of the pod', [stopped], undefined],
  ['a failed preStop hook', [event('FailedPreStopHook', 'PreStopHook failed'), stopped], undefined],
  ['no Events', [], undefined],
]

describe('what ended a container', () => {
  for (const [what, events, ender] of cases) {
    it(`is ${ender === undefined ? 'nothing of its own' : `its ${ender}`} after ${what}`, () => {
      expect(enderIn(events, all)).to.equal(ender)
      const others = all.filter((each) => each !== ender)
      expect(enderIn(events, others), 'without that').to.equal(undefined)
    })
  }

  it('is none of a template without such a setting, or of the wrong shape', () => {
    for (const containers of [undefined, 'x', [null], [{ name: 'runner', lifecycle: 'x', startupProbe: null }]])
      expect(endersOf({ containers }, 'runner')).to.deep.equal([])
  })
})
