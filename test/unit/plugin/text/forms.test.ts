import { expect } from 'chai'
import { parse } from 'yaml'
import { runnerJobs } from '../../../../src/api/runner-job.ts'
import { documentOf, ListWriter, nameOf, wholeObject } from '../../../../src/plugin/text/objects.ts'
import { hasColours } from '../../../../src/plugin/text/paint.ts'
import { parseSpan, spanOf } from '../../../../src/plugin/text/span.ts'
import { Progress } from '../../../../src/plugin/text/progress.ts'
import { Table } from '../../../../src/plugin/text/table.ts'
import { HandClock } from '../../../observe/clock.ts'
import { aJob } from '../../../objects/builders.ts'
import { recordedHost, RecordedOutput } from '../../../plugin/recorded-host.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

describe('a duration', () => {
  const cases: [ms: number, text: string][] = [
    [0, '0s'],
    [-5, '0s'],
    [Number.NaN, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [3 * minute + 5 * second, '3m5s'],
    [10 * minute + 5 * second, '10m'],
    [3 * hour + 20 * minute, '3h20m'],
    [9 * hour + 20 * minute, '9h'],
    [2 * day + 3 * hour, '2d3h'],
    [9 * day, '9d'],
  ]
  for (const [ms, text] of cases) it(`is shown as kubectl shows it: ${text}`, () => expect(spanOf(ms)).to.equal(text))

  it('is read in seconds, minutes, hours and days', () => {
    expect(['90s', '1h30m', '2d', '5'].map(parseSpan)).to.deep.equal([90 * second, 90 * minute, 2 * day, undefined])
    expect(['', 'm', '-1s', '1.5h', '1s ', '9999999999s'].map(parseSpan)).to.deep.equal(Array(6).fill(undefined))
  })
})

describe('a table', () => {
  it('has columns as wide as their widest cell, also where characters are wide', () => {
    const text = new Table(['NAME', 'WORKFLOW', 'AGE']).whole([
      ['a', '日本', '1s'],
      ['longer', 'CI', '2s'],
    ])
    expect(text).to.equal('NAME     WORKFLOW   AGE\na        日本       1s\nlonger   CI         2s\n')
  })

  it('keeps later rows below its heading', () => {
    const table = new Table(['NAME', 'X'])
    table.whole([['a-long-name', 'x']])
    expect(table.whole([['b', 'y']], { heading: false })).to.equal('b             y\n')
  })

  it('shows control characters of its cells', () => {
    expect(new Table(['A']).whole([['\u001b[2Jx\ny']])).to.equal('A\n^[[2Jx y\n')
  })
})

describe('a list of objects', () => {
  const job = aJob({ metadata: { name: 'one' } })
  const managed = { ...job, metadata: { ...job.metadata, managedFields: [{}] } }

  for (const [format, read] of [
    ['json', (text: string): unknown => JSON.parse(text)],
    ['yaml', (text: string): unknown => parse(text)],
  ] as const) {
    it(`is one document, however long, in ${format}`, () => {
      for (const count of [0, 1, 3]) {
        const writer = new ListWriter(format)
        const items = Array.from({ length: count }, () => wholeObject(runnerJobs, managed))
        const text = items.map((item) => writer.item(item)).join('') + writer.end()
        const whole = { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob', ...job }
        expect(read(text)).to.deep.equal({ apiVersion: 'v1', kind: 'List', items: items.map(() => whole) })
      }
    })
  }

  it('has no character that a terminal takes for a command, and means the same', () => {
    const value = { text: 'a\u001b[2J\u009b2Jb\u007f', direction: 'safe\u202egnp' }
    for (const format of ['json', 'yaml'] as const) {
      const text = documentOf(value, format)
      expect(text).to.not.match(/(?!\n)\p{Cc}/u)
      expect(format === 'json' ? JSON.parse(text) : parse(text)).to.deep.equal(value)
    }
    expect(documentOf(value, 'json')).to.include('\\u202e')
  })

  it('has names as kubectl prints them', () => {
    expect(nameOf(runnerJobs, job)).to.equal('runnerjob.runnerhub.dev/one')
  })
})

describe('colours', () => {
  it('are shown on a terminal, unless NO_COLOR or TERM forbid it', () => {
    const terminal = new RecordedOutput(true)
    expect(hasColours(terminal, { env: {} })).to.equal(true)
    expect(hasColours(terminal, { env: { NO_COLOR: '' } })).to.equal(true)
    expect(hasColours(terminal, { env: { NO_COLOR: '1' } })).to.equal(false)
    expect(hasColours(terminal, { env: { TERM: 'dumb' } })).to.equal(false)
    expect(hasColours(new RecordedOutput(false), { env: {} })).to.equal(false)
  })
})

describe('progress', () => {
  it('is one line on a terminal, which counts the time and goes away', async () => {
    const clock = new HandClock()
    const host = recordedHost({ clock, isTerminal: true })
    const progress = new Progress(host)
    progress.show('waits \u001b[2J')
    await clock.advance(2000)
    progress.clear()
    expect(host.err.text.split('\r\u001b[K')).to.deep.equal([
      '',
      '0s waits ^[[2J',
      '1s waits ^[[2J',
      '2s waits ^[[2J',
      '',
    ])
    expect(clock.timers).to.equal(0)
  })

  it('is silent elsewhere', () => {
    const host = recordedHost()
    const progress = new Progress(host)
    progress.show('waits')
    progress.clear()
    expect(host.err.text).to.equal('')
  })
})
