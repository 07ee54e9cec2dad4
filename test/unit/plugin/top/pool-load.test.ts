import { expect } from 'chai'
import { loadTable } from '../../../../src/plugin/top/load-table.ts'
import { poolLoads } from '../../../../src/plugin/top/pool-load.ts'
import { aJob, aPod, aPool, aRunner, at, stamp } from '../../../objects/builders.ts'

const pools = [
  aPool({ metadata: { name: 'small' }, spec: { labels: ['small'], maxRunners: 4 } }),
  aPool({ metadata: { name: 'large' }, spec: { labels: ['large'], maxRunners: 2 } }),
]

function part(name: string, phase: 'Assigned' | 'Running', pool: string) {
  const job = aJob({ metadata: { name }, spec: { labels: [pool] }, status: { phase } })
  const runner = aRunner({ job, spec: { poolName: pool } })
  return { job, runner, pod: aPod({ runner, status: { phase: phase === 'Running' ? 'Running' : 'Pending' } }) }
}

describe('the load of pools', () => {
  const parts = [part('one', 'Running', 'small'), part('two', 'Assigned', 'small'), part('three', 'Running', 'large')]
  const queued = [
    aJob({ metadata: { name: 'w1', creationTimestamp: stamp(50) }, spec: { labels: ['large'] } }),
    aJob({ metadata: { name: 'w2', creationTimestamp: stamp(10) }, spec: { labels: ['large'] } }),
    aJob({ metadata: { name: 'w3', creationTimestamp: stamp(40) }, spec: { labels: ['nowhere'] } }),
  ]
  const stock = {
    pools,
    jobs: [...parts.map(({ job }) => job), ...queued],
    runners: parts.map(({ runner }) => runner),
    pods: parts.map(({ pod }) => pod),
  }

  it('counts slots, jobs and queues of each pool, and the jobs that no pool takes', () => {
    const loads = poolLoads(stock).map(({ pool, used, max, running, starting, queued: waiting, oldest }) => {
      return [pool, used, max, running, starting, waiting, oldest]
    })
    expect(loads).to.deep.equal([
      ['large', 1, 2, 1, 0, 2, stamp(10)],
      ['small', 2, 4, 1, 1, 0, undefined],
      [undefined, 0, 0, 0, 0, 1, stamp(40)],
    ])
  })

  it('counts a pod that still runs after its Runner is gone, and none that has ended', () => {
    const [first] = parts
    const ended = { ...stock.pods[1], status: { phase: 'Succeeded' } }
    const pods = [...stock.pods.slice(0, 1), { ...aPod(), ...ended }]
    const [large, small] = poolLoads({ pools, jobs: [], runners: [], pods })
    expect([large?.used, small?.used], first?.job.metadata.name).to.deep.equal([0, 1])
  })

  it('counts a job that waits for its next attempt as queued, and the pod of the last one as using its slot', () => {
    const attempts = [{ number: 1, poolName: 'small', reason: 'Evicted', message: '', endedAt: stamp(5) }]
    const job = aJob({ spec: { labels: ['small'] }, status: { reason: 'Retrying', attempts } })
    const runner = aRunner({ job, spec: { poolName: 'small' } })
    const pods = [aPod({ runner, status: { phase: 'Running' } })]
    const [, small] = poolLoads({ pools, jobs: [job], runners: [runner], pods })
    expect(small).to.include({ used: 1, queued: 1, starting: 0 })
  })

  it('says which pools are paused', () => {
    const paused = aPool({ metadata: { name: 'small' }, spec: { paused: true } })
    expect(loadTable(poolLoads({ ...stock, pools: [paused] }), at(60).toISOString())).to.match(
      /^small +Template +Paused /m,
    )
  })

  it('is a table with sums', () => {
    expect(loadTable(poolLoads(stock), at(60).toISOString()).split('\n')).to.deep.equal([
      'POOL        MODE       READY     SLOTS   USED         RUNNING   STARTING   QUEUED   OLDEST',
      'large       Template   Unknown   1/2     #####.....   1         0          2        50s',
      'small       Template   Unknown   2/4     #####.....   1         1          0',
      '(no pool)                                             0         0          1        20s',
      '2 running, 1 starting, 3 queued, 3 slots used',
      '',
    ])
  })

  it('has the labels and repositories of each pool where it is wide', () => {
    const closed = aPool({ metadata: { name: 'closed' }, spec: { labels: ['a', 'b'], repositories: ['o/r', 'p/*'] } })
    const table = loadTable(poolLoads({ ...stock, pools: [...pools, closed] }), at(60).toISOString(), true)
    expect(table).to.match(/ OLDEST +LABELS +REPOSITORIES\n/)
    expect(table)
      .to.match(/^closed .* a,b +o\/r,p\/\*$/m)
      .and.match(/^small .* small +all$/m)
    expect(table).to.match(/^\(no pool\) .* 20s$/m)
  })
})
