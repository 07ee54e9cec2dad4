import { expect } from 'chai'
import { shorten, withCondition, withoutCondition } from '../../../src/domain/conditions.ts'
import { at } from '../../objects/builders.ts'

const waiting = { type: 'Waiting', status: 'True', reason: 'PoolFull', message: 'full' } as const
const since0 = { ...waiting, lastTransitionTime: at(0).toISOString() }

describe('conditions', () => {
  it('get the present time when they are new', () => {
    expect(withCondition(undefined, waiting, at(0))).to.deep.equal([since0])
  })

  it('keep their time while only the message changes', () => {
    const now = withCondition([since0], { ...waiting, message: 'still full' }, at(5))
    expect(now).to.deep.equal([{ ...since0, message: 'still full' }])
  })

  it('get a new time when the reason changes, because the age of a reason is what a deadline counts', () => {
    const [condition] = withCondition([since0], { ...waiting, reason: 'ImagePull' }, at(5))
    expect(condition?.lastTransitionTime).to.equal(at(5).toISOString())
  })

  it('get a new time when the status changes', () => {
    const [condition] = withCondition([since0], { ...waiting, status: 'False' }, at(5))
    expect(condition?.lastTransitionTime).to.equal(at(5).toISOString())
  })

  it('keep their places, whoever writes last', () => {
    const other = { ...since0, type: 'Ready' }
    const types = withCondition([since0, other], { ...waiting, message: 'new' }, at(5)).map(({ type }) => type)
    expect(types).to.deep.equal(['Waiting', 'Ready'])
  })

  it('change neither the others nor their input', () => {
    const other = { ...since0, type: 'Ready' }
    const list = [since0, other]
    expect(withCondition(list, { ...waiting, reason: 'ImagePull' }, at(5)))
      .to.deep.include(other)
      .and.have.length(2)
    expect(withoutCondition(list, 'Waiting')).to.deep.equal([other])
    expect(withoutCondition(undefined, 'Waiting')).to.deep.equal([])
    expect(list).to.deep.equal([since0, other])
  })
})

describe('texts of a status', () => {
  it('are cut to the CRD’s limit, and show that', () => {
    expect(shorten('x'.repeat(1024)))
      .to.have.length(1024)
      .and.not.include('…')
    expect(shorten('x'.repeat(1025)))
      .to.have.length(1024)
      .and.match(/x…$/)
  })

  it('are not cut within a character', () => {
    for (const before of ['', 'x']) expect(shorten(before + '🚀'.repeat(1024)).isWellFormed(), before).to.equal(true)
  })
})
