import { expect } from 'chai'
import * as fc from 'fast-check'
import { HttpError } from '../../../../src/http/http-error.ts'
import { listParameters, parseListQuery } from '../../../../src/http/jobs/list-query.ts'
import { parseRunnerQuery } from '../../../../src/http/runners/list-query.ts'

const taken: Record<string, string> = {
  '2025-06-19': '2025-06-19T00:00:00.000Z',
  '20250619': '2025-06-19T00:00:00.000Z',
  '2025-06-19T10:00': '2025-06-19T10:00:00.000Z',
  '2025-06-19T10:00Z': '2025-06-19T10:00:00.000Z',
  '2025-06-19T10:00:01': '2025-06-19T10:00:01.000Z',
  '2025-06-19T10:00:01.5Z': '2025-06-19T10:00:01.500Z',
  '2025-06-19T10:00:01.123456789Z': '2025-06-19T10:00:01.123Z',
  '2025-06-19T10:00:00+02:00': '2025-06-19T08:00:00.000Z',
  '2025-06-19T10:00:00+0200': '2025-06-19T08:00:00.000Z',
  '2025-06-19T10:00:00+02': '2025-06-19T08:00:00.000Z',
  '2025-06-19T10:00-05:30': '2025-06-19T15:30:00.000Z',
  '20250619T1000': '2025-06-19T10:00:00.000Z',
  '20250619T100000Z': '2025-06-19T10:00:00.000Z',
  '20250619T100000.25-03': '2025-06-19T13:00:00.250Z',
  '20250619T100000+0530': '2025-06-19T04:30:00.000Z',
  '2024-02-29': '2024-02-29T00:00:00.000Z',
  '2000-02-29': '2000-02-29T00:00:00.000Z',
  '2025-06-19T24:00': '2025-06-20T00:00:00.000Z',
  '20250619T240000.0Z': '2025-06-20T00:00:00.000Z',
}

const refused = [
  '',
  'yesterday',
  '1750327200',
  '19.06.2025',
  '2025-06',
  '2025-0619',
  '202506-19',
  '2025-W25',
  '2025-W25-4',
  '2025-170',
  '2025-02-29',
  '1900-02-29',
  '00000000',
  '2025-00-10',
  '2025-04-31',
  '2025-06-19T24:01',
  '2025-06-19T10:00:60Z',
  '2025-06-19T10:00+24:00',
  '20250229',
  '2025-13-01',
  '2025-06-19 10:00',
  '2025-06-19T',
  '2025-06-19T10',
  '2025-06-19T10:0000',
  '2025-06-19T1000:00',
  '2025-06-19T25:00:00Z',
  '2025-06-19T10:61:00Z',
  '2025-06-19T10:00:00.Z',
  '2025-06-19T10:00:00+2',
  '2025-06-19T10:00:00+02:60',
  '2025-06-19Z',
]

describe('the dates of a list', () => {
  for (const [text, is] of Object.entries(taken)) {
    it(`may be written ${text}`, () => {
      const { startMs = Number.NaN } = parseListQuery({ startDate: text })
      expect(new Date(startMs).toISOString()).to.equal(is)
    })
  }

  for (const text of refused) {
    it(`may not be written ${JSON.stringify(text)}`, () => {
      for (const name of ['startDate', 'endDate']) {
        expect(() => parseListQuery({ [name]: text })).to.throw(HttpError, `${name} must be an ISO 8601 date or time`)
      }
    })
  }

  it('are described in the document exactly as accepted', () => {
    const { pattern } = listParameters.startDate
    const isTaken = (startDate: string): boolean => {
      try {
        return Number.isFinite(parseListQuery({ startDate }).startMs)
      } catch {
        return false
      }
    }
    const digits = (count: number) => fc.stringMatching(new RegExp(`^[0-9]{${count}}$`))
    const like = fc
      .tuple(digits(4), digits(2), digits(2), digits(2), digits(2))
      .map(([y, mo, d, h, mi]) => [
        `${y}-${mo}-${d}`,
        `${y}${mo}${d}`,
        `${y}-${mo}-${d}T${h}:${mi}`,
        `2024-02-29T10:00+${h}:${mi}`,
      ])
    const holds = fc.property(fc.stringMatching(new RegExp(pattern)), like, (fitting, texts) => {
      expect(isTaken(fitting), fitting).to.equal(true)
      for (const text of texts) expect(isTaken(text), text).to.equal(new RegExp(pattern).test(text))
    })
    fc.assert(holds, { numRuns: 2000 })
    for (const text of [...Object.keys(taken), ...refused]) {
      expect(new RegExp(pattern).test(text), text).to.equal(text in taken)
    }
  })

  it('are valid for every day of the calendar, and no other', () => {
    const pattern = new RegExp(listParameters.startDate.pattern)
    for (const year of [1900, 2000, 2023, 2024]) {
      for (let month = 0; month <= 13; month += 1) {
        for (let day = 0; day <= 32; day += 1) {
          const text = [year, month, day].map((number) => String(number).padStart(2, '0')).join('-')
          const at = new Date(Date.UTC(year, month - 1, day))
          const exists = at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === day
          expect(pattern.test(text), text).to.equal(exists)
        }
      }
    }
  })

  it('mean the last moment of a day at the end of a range', () => {
    const endOf = (endDate: string) => new Date(parseListQuery({ endDate }).endMs ?? Number.NaN).toISOString()
    expect(endOf('2025-06-19')).to.equal('2025-06-19T23:59:59.999Z')
    expect(endOf('20250619')).to.equal('2025-06-19T23:59:59.999Z')
    expect(endOf('2025-06-19T10:00')).to.equal('2025-06-19T10:00:00.000Z')
  })
})

describe('the page of a list', () => {
  for (const [page, number] of [
    [undefined, 1],
    ['1', 1],
    ['2147483648', 2_147_483_648],
    ['99999999999', 99_999_999_999],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
  ] as const) {
    it(`may be ${page?.slice(0, 20) ?? 'left out'}`, () => {
      const query = page === undefined ? {} : { page }
      expect([parseListQuery(query).page, parseRunnerQuery(query).page]).to.deep.equal([number, number])
    })
  }

  for (const page of ['0', '', '-1', '+1', '1.5', '1e3', '0x10', ' 1', '1 ', 'x', '٣']) {
    it(`may not be "${page}"`, () => {
      for (const parse of [parseListQuery, parseRunnerQuery]) {
        expect(() => parse({ page }))
          .to.throw(HttpError, 'page must be a whole number of at least 1')
          .with.property('status', 400)
      }
    })
  }
})
