import { expect } from 'chai'
import type { PodDisruptionBudget } from '../../../../src/api/pod-disruption-budget.ts'
import { budgetStep, disruptionBudgetOf } from '../../../../src/domain/pool/disruption-budget.ts'
import { aPool } from '../../../objects/builders.ts'

const pool = aPool()
const wanted = disruptionBudgetOf(pool)

function known(
  changes: Partial<PodDisruptionBudget['metadata']> = {},
  spec: Partial<PodDisruptionBudget['spec']> = {},
): PodDisruptionBudget {
  return { metadata: { ...pool.metadata, ...wanted.metadata, ...changes }, spec: { ...wanted.spec, ...spec } }
}

const repair = {
  is: 'patch',
  patch: { spec: wanted.spec, metadata: { ownerReferences: wanted.metadata.ownerReferences } },
}

describe('the disruption budget of a pool', () => {
  it('is made where there is none, and left alone where it is right', () => {
    expect(budgetStep(undefined, pool)).to.deep.equal({ is: 'create' })
    expect(budgetStep(known(), pool)).to.deep.equal({ is: 'right' })
  })

  it('is put right where somebody changed it', () => {
    expect(budgetStep(known({}, { minAvailable: 1 }), pool)).to.deep.equal(repair)
  })

  it('is taken over where an earlier pool of the name left it without an owner', () => {
    const { ownerReferences: _, ...rest } = known().metadata
    expect(budgetStep({ ...known(), metadata: rest }, pool)).to.deep.equal(repair)
    expect(budgetStep(known({ ownerReferences: [] }), pool)).to.deep.equal(repair)
  })

  it('waits for the end of the one that goes with an earlier pool', () => {
    const [owner] = wanted.metadata.ownerReferences ?? []
    const earlier = owner === undefined ? [] : [{ ...owner, uid: 'earlier' }]
    expect(budgetStep(known({ ownerReferences: earlier }), pool)).to.deep.equal({ is: 'wait' })
  })

  it('leaves one that somebody else made', () => {
    expect(budgetStep(known({ labels: {}, ownerReferences: [] }), pool)).to.deep.equal({ is: 'foreign' })
  })
})
