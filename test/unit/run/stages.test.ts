import { expect } from 'chai'
import { selectStages, stages } from '../../run/stages.ts'

const namesOf = (only: string[]): string[] => selectStages(stages, only).map(({ name }) => name)

describe('the stages', () => {
  it('all run when none is named', () => expect(selectStages(stages, [])).to.equal(stages))

  it('bring along what they need, in order', () =>
    expect(namesOf(['e2e'])).to.deep.equal(['up', 'tools', 'image', 'e2e']))

  it('refuse a name that is none', () => expect(() => namesOf(['units'])).to.throw('no stage "units"; there are check'))

  it('need only earlier stages', () => {
    stages.forEach(({ needs }, index) => {
      const earlier = stages.slice(0, index).map(({ name }) => name)
      expect(earlier).to.include.members(needs)
    })
  })

  it('end within 90 minutes even when all of them hang', () => {
    let minutes = 0
    const ends = stages.map(({ deadlineMinutes, beside }) => {
      if (beside !== true) minutes += deadlineMinutes
      return beside === true ? minutes + deadlineMinutes : minutes
    })
    expect(Math.max(...ends)).to.be.below(90)
  })
})
