import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { parseTokens, StaticTokens } from '../../../src/auth/static-tokens.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { HandClock } from '../../observe/clock.ts'

describe('static tokens', () => {
  let directory: string
  let file: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tokens-'))
    file = join(directory, 'tokens.csv')
  })
  afterEach(() => rm(directory, { recursive: true }))

  async function tokens(text: string) {
    await writeFile(file, text)
    const clock = new HandClock()
    const log = new RecordedLog()
    return { clock, log, tokens: new StaticTokens(file, { clock, log }) }
  }

  const lines: [line: string, token: string, user: string, groups: string[]][] = [
    ['abc,alice,1', 'abc', 'alice', []],
    ['abc,alice,1,', 'abc', 'alice', []],
    ['abc,alice,1,"admins"', 'abc', 'alice', ['admins']],
    ['abc,alice,1,"admins,devs"', 'abc', 'alice', ['admins', 'devs']],
    ['abc, alice , 1, "admins,devs"', 'abc', 'alice', ['admins', 'devs']],
    ['"a,b","al""ice",1,admins', 'a,b', 'al"ice', ['admins']],
    ['# comment\n\nabc,alice,1\r\n', 'abc', 'alice', []],
    ['other,bob,2\nabc,alice,1,x', 'abc', 'alice', ['x']],
  ]
  for (const [line, token, user, groups] of lines) {
    it(`are read from ${JSON.stringify(line)}`, async () => {
      const read = await tokens(line)
      expect(await read.tokens.callerOf(token)).to.deep.equal({ user, uid: '1', groups })
      expect(read.log.lines).to.deep.equal([])
    })
  }

  it('match only exactly', async () => {
    const read = await tokens('abc,alice,1\n')
    for (const token of ['', 'ab', 'abcd', 'ABC', 'abc ', 'alice', '#']) {
      expect(await read.tokens.callerOf(token), token).to.equal(undefined)
    }
  })

  it('match nothing while the file is missing or invalid; the log has the line number, never the line', async () => {
    const read = await tokens('abc,alice,1\nsecret,,2\n')
    expect(await read.tokens.callerOf('abc')).to.equal(undefined)
    const why = 'line 2: token, user and uid are required'
    expect(read.log.lines).to.deep.equal([{ level: 'error', message: 'token file cannot be used', file, why }])
    const missing = new StaticTokens(join(directory, 'none'), read)
    expect(await missing.callerOf('abc')).to.equal(undefined)
  })

  it('are parsed, or rejected with the line number only, whatever the file contains', () => {
    const cell = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\w ",]{0,20}$/))
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(cell, { maxLength: 6 }).map((cells) => cells.join(',')),
    )
    const text = fc.array(line, { maxLength: 5 }).map((rows) => rows.join('\n'))
    fc.assert(
      fc.property(text, (content) => {
        try {
          for (const { user, uid, groups } of parseTokens(content).values()) {
            expect([user, uid, ...groups]).to.not.include('')
          }
        } catch (error) {
          // Nothing else can throw: there is no place in it for what the file holds.
          expect(String(error)).to.match(/^Error: line \d: token, user and uid are required$/)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('are read again when the file changes, at most every two seconds', async () => {
    const read = await tokens('abc,alice,1\n')
    expect(await read.tokens.callerOf('abc')).to.include({ user: 'alice' })
    await writeFile(file, 'def,bob,2\n')
    await read.clock.advance(1999)
    expect(await read.tokens.callerOf('abc')).to.include({ user: 'alice' })
    await read.clock.advance(1)
    expect(await read.tokens.callerOf('abc')).to.equal(undefined)
    expect(await read.tokens.callerOf('def')).to.include({ user: 'bob' })
  })

  it('stay valid when the file becomes invalid or is removed', async () => {
    const read = await tokens('abc,alice,1\n')
    await read.tokens.callerOf('abc')
    await writeFile(file, 'nonsense\n')
    await read.clock.advance(2000)
    expect(await read.tokens.callerOf('abc')).to.include({ user: 'alice' })
    await rm(file)
    await read.clock.advance(2000)
    expect(await read.tokens.callerOf('abc')).to.include({ user: 'alice' })
    expect(read.log.lines).to.have.length(2)
  })
})
