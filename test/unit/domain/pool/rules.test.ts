import { expect } from 'chai'
import type { RunnerJobSpec } from '../../../../src/api/runner-job.ts'
import type { PriorityRule } from '../../../../src/api/runner-pool.ts'
import { priorityOf, rulesOf } from '../../../../src/domain/pool/rules.ts'
import { aJob, aPool } from '../../../objects/builders.ts'

const facts = { repository: 'Owner/Repo', eventName: 'push', ref: 'refs/heads/main', workflow: 'Release it' }

describe('the priority of a job', () => {
  const cases: [what: string, rules: PriorityRule[], expected: number, spec?: Partial<RunnerJobSpec>][] = [
    ['is 0 without rules', [], 0],
    ['is its own, whatever the rules are', [{ priority: 5 }], -7, { priority: -7 }],
    ['is its own, even if that is 0', [{ priority: 5 }], 0, { priority: 0 }],
    ['is that of the first rule that fits', [{ priority: 1, ref: 'x' }, { priority: 2 }, { priority: 3 }], 2],
    ['may depend on the repository, in any case', [{ priority: 1, repository: 'owner/*' }], 1],
    ['may depend on the event', [{ priority: 1, event: 'push' }], 1],
    ['may depend on the ref', [{ priority: 1, ref: 'refs/heads/*' }], 1],
    ['may depend on the workflow', [{ priority: 1, workflow: 'Release*' }], 1],
    ['needs everything that a rule names', [{ priority: 1, event: 'push', ref: 'refs/tags/*' }], 0],
    ['tells upper from lower case, except in repositories', [{ priority: 1, workflow: 'release*' }], 0],
    [
      'counts an absent fact as empty',
      [
        { priority: 1, ref: 'refs/*' },
        { priority: 2, ref: '' },
      ],
      2,
      { ref: '' },
    ],
  ]
  for (const [what, priorities, expected, spec] of cases) {
    it(what, () => {
      expect(priorityOf(aJob({ spec: { ...facts, ...spec } }), aPool({ spec: { priorities } }))).to.equal(expected)
    })
  }
})

describe('the rules of a queue', () => {
  it('give a repository less time per job the higher its weight is: that of the first glob that fits', () => {
    const weights = [
      { repository: 'Team/Important', weight: 10 },
      { repository: 'team/*', weight: 4 },
    ]
    const { timeOf } = rulesOf(aPool({ spec: { perRepository: { weights } } }))
    const times = ['team/important', 'team/other', 'else/where', 'team/other'].map(timeOf)
    expect(times).to.deep.equal([100_000, 250_000, 1_000_000, 250_000])
  })

  it('let a minute make up for a point of priority, unless the pool says otherwise', () => {
    expect(rulesOf(undefined).agingMs).to.equal(60_000)
    expect(rulesOf(aPool()).agingMs).to.equal(60_000)
    expect(rulesOf(aPool({ spec: { priorityAgingSeconds: 5 } })).agingMs).to.equal(5000)
  })
})
