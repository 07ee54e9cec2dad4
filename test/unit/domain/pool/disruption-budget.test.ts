import { expect } from 'chai'
import type { PodDisruptionBudget } from '../../../../src/api/pod-disruption-budget.ts'
import {
  budgetStep,
  disruptionBudgetOf,
  isOwnBudget,
  poolNameOf,
} from '../../../../src/domain/pool/disruption-budget.ts'
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
  patch: { spec: wanted.spec, metadata: { ownerReferences: null } },
}
const ownedBy = (uid: string) => [{ apiVersion: 'runnerhub.dev/v1', kind: 'RunnerPool', name: 'pool', uid }]

describe('the disruption budget of a pool', () => {
  it('is made where there is none, and left alone where it is right', () => {
    expect(budgetStep(undefined, pool)).to.deep.equal({ is: 'create' })
    expect(budgetStep(known(), pool)).to.deep.equal({ is: 'right' })
  })

  it('is put right where somebody changed it', () => {
    expect(budgetStep(known({}, { minAvailable: 1 }), pool)).to.deep.equal(repair)
  })

  it('has no owner, so that it outlives its pool while jobs of that run', () => {
    expect(wanted.metadata).to.not.have.property('ownerReferences')
    expect(budgetStep(known({ ownerReferences: ownedBy(pool.metadata.uid) }), pool)).to.deep.equal(repair)
  })

  it('waits for the end of the one that goes with an earlier pool', () => {
    expect(budgetStep(known({ ownerReferences: ownedBy('earlier') }), pool)).to.deep.equal({ is: 'wait' })
  })

  it('names its pool, unless somebody else made it', () => {
    expect(poolNameOf(known())).to.equal('pool')
    expect(poolNameOf(known({ name: 'another' }))).to.equal(undefined)
    expect(isOwnBudget(known())).to.equal(true)
    expect(isOwnBudget(known({ labels: {} }))).to.equal(false)
  })

  it('leaves one that somebody else made', () => {
    expect(budgetStep(known({ labels: {}, ownerReferences: [] }), pool)).to.deep.equal({ is: 'foreign' })
  })
})
