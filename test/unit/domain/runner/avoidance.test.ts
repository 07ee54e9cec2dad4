import { expect } from 'chai'
import { avoidance } from '../../../../src/domain/runner/avoidance.ts'
import { aJob, stamp } from '../../../objects/builders.ts'

function retried(...nodes: (string | undefined)[]) {
  const attempts = nodes.map((nodeName, index) => ({
    number: index + 1,
    poolName: 'pool',
    reason: 'Evicted',
    message: 'm',
    endedAt: stamp(5),
    ...(nodeName !== undefined && { nodeName }),
  }))
  return aJob({ status: { attempts } })
}

const preference = (...nodes: string[]) => ({
  weight: 100,
  preference: { matchFields: nodes.map((node) => ({ key: 'metadata.name', operator: 'NotIn', values: [node] })) },
})
const own = { weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] } }
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'

describe('the affinity of a further attempt', () => {
  it('prefers other nodes than those of the lost attempts, each once by its name, whatever its labels say', () => {
    const affinity = { nodeAffinity: { [PREFERRED]: [preference('a', 'b')] } }
    expect(avoidance({}, retried('a', undefined, 'b', 'a'))).to.deep.equal({ affinity })
    expect(avoidance({ affinity: null }, retried('a', 'b'))).to.deep.equal({ affinity })
  })

  it('keeps everything that the template says', () => {
    const required = { nodeSelectorTerms: [own.preference] }
    const affinity = {
      podAntiAffinity: { x: 1 },
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required, [PREFERRED]: [own] },
    }
    expect(avoidance({ affinity }, retried('a'))).to.deep.equal({
      affinity: { ...affinity, nodeAffinity: { ...affinity.nodeAffinity, [PREFERRED]: [own, preference('a')] } },
    })
  })

  it('is that of the template for a first attempt, and if no attempt had a node', () => {
    for (const job of [aJob(), retried(undefined)]) expect(avoidance({ affinity: { x: 1 } }, job)).to.deep.equal({})
  })

  it('leaves what has the wrong shape to the API server', () => {
    const wrong = ['text', { nodeAffinity: 3 }, { nodeAffinity: { [PREFERRED]: {} } }]
    for (const affinity of wrong) expect(avoidance({ affinity }, retried('a'))).to.deep.equal({})
  })
})
