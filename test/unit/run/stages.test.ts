import { expect } from 'chai'
import { selectStages, stages, TOTAL_MINUTES } from '../../run/stages.ts'

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

  it('have a deadline each that leaves time for the others, and end together within 90 minutes', () => {
    expect(Math.max(...stages.map(({ deadlineMinutes }) => deadlineMinutes))).to.be.below(TOTAL_MINUTES / 3)
    expect(TOTAL_MINUTES).to.be.below(90)
  })
})
