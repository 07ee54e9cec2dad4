import { expect } from 'chai'
import { HttpError } from '../../../../src/http/http-error.ts'
import { type LogsQuery, parseLogsQuery } from '../../../../src/http/logs/query.ts'

type Query = Parameters<typeof parseLogsQuery>[0]

const good: [query: Query, parsed: LogsQuery][] = [
  [{}, { follow: false }],
  [{ other: 'x' }, { follow: false }],
  [{ follow: 'true' }, { follow: true }],
  [
    { follow: 'false', tail: '0' },
    { follow: false, tail: 0 },
  ],
  [{ tail: '100' }, { follow: false, tail: 100 }],
  [
    { tail: '1000001', follow: 'true' },
    { follow: true, tail: 1_000_001 },
  ],
  [
    { offset: '5', tail: '1', follow: 'true', download: 'true' },
    { follow: false, page: { offset: 5, limit: 1000 }, download: true },
  ],
  [
    { limit: '2', follow: 'true' },
    { follow: false, page: { offset: 0, limit: 2 } },
  ],
  [
    { download: 'true', follow: 'true', tail: '3' },
    { follow: false, tail: 3, download: true },
  ],
  [{ tail: '9'.repeat(30) }, { follow: false, tail: Number.MAX_SAFE_INTEGER }],
]
const bad: Query[] = [
  ...['', '-1', '+1', '1.5', '1e3', '0x10', ' 1', '1 ', 'all', '٣'].map((tail) => ({ tail })),
  ...['', 'True', '1', 'yes'].map((follow) => ({ follow })),
  { tail: ['1', '2'] },
  { follow: ['true', 'true'] },
]

describe('the query of logs', () => {
  for (const [query, parsed] of good) {
    it(`takes ${JSON.stringify(query)}`, () => expect(parseLogsQuery(query)).to.deep.equal(parsed))
  }

  it('rejects anything else with 400, naming the parameter', () => {
    for (const query of bad) {
      const name = Object.keys(query)[0] ?? ''
      expect(() => parseLogsQuery(query), JSON.stringify(query))
        .to.throw(HttpError, name)
        .with.property('status', 400)
    }
  })
})
