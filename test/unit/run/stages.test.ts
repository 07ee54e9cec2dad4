import { globSync } from 'node:fs'
import { expect } from 'chai'
import { selectStages, stages, TOTAL_MINUTES } from '../../run/stages.ts'

const namesOf = (only: string[]): string[] => selectStages(stages, only).map(({ name }) => name)

describe('the stages', () => {
  it('all run when none is named', () => expect(selectStages(stages, [])).to.equal(stages))

  it('include the stages that they need and the second runs of their files, in order', () =>
    expect(namesOf(['e2e'])).to.deep.equal(['up', 'tools', 'image', 'e2e', 'again']))

  it('reject an unknown name', () =>
    expect(() => namesOf(['units'])).to.throw('unknown stage "units": must be one of check'))

  it('need only earlier stages', () => {
    stages.forEach(({ needs, after = [], work }, index) => {
      const earlier = stages.slice(0, index).map(({ name }) => name)
      const awaited = [...needs, ...after, ...(work.is === 'rerun' ? work.suites : [])]
      expect(earlier).to.include.members(awaited)
    })
  })

  it('give every suite except the unit tests a second run, alone and while the cluster still exists', () => {
    const names = stages.map(({ name }) => name)
    const suites = stages.filter(({ work }) => work.is === 'suite').map(({ name }) => name)
    const reruns = stages.flatMap(({ work }) => (work.is === 'rerun' ? work.suites : []))
    expect(reruns).to.have.members(suites.filter((name) => name !== 'unit'))
    expect(names.slice(-2)).to.deep.equal(['again', 'down'])
  })

  it('use the cluster one after another', () => {
    const afterOf = (name: string): string[] => stages.find((stage) => stage.name === name)?.after ?? []
    expect(afterOf('cluster'), 'it stops the cluster').to.deep.equal(['e2e', 'builds', 'make-run'])
  })

  it('run every test file in one suite', () => {
    const suites = stages.flatMap(({ work }) => (work.is === 'suite' ? [globSync(work.files)] : []))
    for (const files of suites) expect(files).to.not.deep.equal([])
    // Mocha does not expand braces, as Node.js does.
    for (const { work } of stages) if (work.is === 'suite') expect(work.files).to.not.match(/[{}]/)
    expect(suites.flat().toSorted()).to.deep.equal(globSync('test/**/*.test.ts').toSorted())
  })

  it('have a deadline each that leaves time for the others, and end together within 90 minutes', () => {
    expect(Math.max(...stages.map(({ deadlineMinutes }) => deadlineMinutes))).to.be.below(TOTAL_MINUTES / 3)
    expect(TOTAL_MINUTES).to.be.below(90)
  })
})
