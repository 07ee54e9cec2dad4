import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { costLabels, labelValue } from '../../../../src/domain/runner/cost-labels.ts'
import { aJob, aPool } from '../../../objects/builders.ts'

/** What the API server accepts as the value of a label. */
const VALID = /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)$/

describe('a label value', () => {
  const readable: [text: string, value: string | RegExp][] = [
    ['CI', 'CI'],
    ['build.v2_final-1', 'build.v2_final-1'],
    ['x'.repeat(63), 'x'.repeat(63)],
    ['CI/CD Pipeline', /^CI\.CD-Pipeline-[0-9a-f]{10}$/],
    ['  deploy: prod (eu) ', /^deploy-prod-eu-[0-9a-f]{10}$/],
    ['Prüfung & Ausgabe', /^Prufung-Ausgabe-[0-9a-f]{10}$/],
    ['.github/workflows/ci.yml', /^github\.workflows\.ci\.yml-[0-9a-f]{10}$/],
    ['測試 🚀', /^[0-9a-f]{10}$/],
    ['\ud800', /^[0-9a-f]{10}$/],
    ['---', /^[0-9a-f]{10}$/],
    ['x'.repeat(64), /^x{52}-[0-9a-f]{10}$/],
    [`${'x'.repeat(51)} ${'y'.repeat(200)}`, /^x{51}-[0-9a-f]{10}$/],
    // As if it were the value of another text.
    ['ci-0123456789', /^ci-0123456789-[0-9a-f]{10}$/],
    ['0123456789', /^0123456789-[0-9a-f]{10}$/],
  ]
  for (const [text, value] of readable) {
    it(`of ${JSON.stringify(text.slice(0, 40))} is valid and readable, always the same`, () => {
      expect(labelValue(text)).to.match(VALID).and.equal(labelValue(text))
      if (typeof value === 'string') expect(labelValue(text)).to.equal(value)
      else expect(labelValue(text)).to.match(value)
    })
  }

  it('differs for texts that look alike', () => {
    const alike = [
      'a/b.c',
      'a.b/c',
      'a.b.c',
      'a/b c',
      'a b/c',
      'Ä',
      'A',
      'A\u0308',
      'a',
      '測試',
      '試測',
      `${'x'.repeat(64)}1`,
    ]
    const values = [...alike, ...alike.map(labelValue), `${'x'.repeat(64)}2`].map(labelValue)
    expect(new Set(values).size).to.equal(new Set([...alike, ...alike.map(labelValue), '2']).size)
  })
})

describe('the labels for cost tools', () => {
  const pool = aPool({ spec: { attribution: { podLabels: ['Repository', 'Workflow'] } } })

  it('have one value for a repository, in whatever case it is written', () => {
    const of = (repository: string) => costLabels(pool, aJob({ spec: { repository } }))
    expect(of('Owner/Repo')).to.deep.equal(of('owner/repo'))
    expect(of('owner/repo'))
      .to.have.property('runnerhub.dev/repository')
      .that.matches(/^owner\.repo-[0-9a-f]{10}$/)
  })

  it('are as docs/pools.md shows them', async () => {
    const page = await readFile('docs/pools.md', 'utf8')
    const labels = costLabels(pool, aJob({ spec: { repository: 'my-org/web-shop', workflow: 'CI/CD Pipeline' } }))
    for (const [name, value] of Object.entries(labels)) expect(page).to.include(`| \`${name}\` | \`${value}\` |`)
  })

  it('leave out a workflow that nobody named', () => {
    for (const spec of [{}, { workflow: '' }])
      expect(costLabels(pool, aJob({ spec }))).to.have.all.keys('runnerhub.dev/repository')
  })
})
