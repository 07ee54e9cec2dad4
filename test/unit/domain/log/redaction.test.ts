import { expect } from 'chai'
import { assert, asyncProperty, integer } from 'fast-check'
import { compilePatterns, redacted, Redactor } from '../../../../src/domain/log/redaction.ts'

const STAMP = '2026-01-01T00:00:00.000000000Z'

function redact(text: string, patterns: string[] = []): string {
  const redactor = new Redactor(compilePatterns(patterns))
  const lines = text.split(/(?<=\n)/).map((line) => redactor.line(`${STAMP} ${line}`))
  return lines.map((line) => line.slice(STAMP.length + 1)).join('')
}

const a = (length: number): string => 'aB3'.repeat(length).slice(0, length)

const secrets: Record<string, [text: string, shown: string]> = {
  'a personal token of GitHub': [`token ghp_${a(36)}!`, 'token [redacted]!'],
  'an OAuth token of GitHub': [`gho_${a(36)}`, '[redacted]'],
  'a server token of GitHub': [`::add ghs_${a(36)}`, '::add [redacted]'],
  'a fine-grained token of GitHub': [`github_pat_${a(22)}_${a(59)}`, '[redacted]'],
  'an access key of AWS': ['AKIAIOSFODNN7EXAMPLE and', '[redacted] and'],
  'a secret key of AWS': [`AWS_SECRET_ACCESS_KEY=${a(40)}`, 'AWS_SECRET_ACCESS_KEY=[redacted]'],
  'a secret key of AWS in JSON': [`"SecretAccessKey": "${a(40)}"`, '"SecretAccessKey": "[redacted]"'],
  'a JSON web token': [`jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIx.${a(43)} x`, 'jwt [redacted] x'],
  'a bearer token': [`curl -H "Authorization: Bearer ${a(30)}"`, 'curl -H "Authorization: Bearer [redacted]"'],
  'basic credentials': ['authorization: Basic dXNlcjpwYXNz', 'authorization: Basic [redacted]'],
  'a password in a URL': ['https://me:p4ss%21@host/path', 'https://[redacted]@host/path'],
  'a token in a URL': [`https://x-access-token:${a(20)}@github.com/o/r`, 'https://[redacted]@github.com/o/r'],
  'a token of npm': [`npm_${a(36)}`, '[redacted]'],
  'a token of GitLab': [`glpat-${a(20)}`, '[redacted]'],
  'a token of Slack': ['xoxb-123456789012-abc', '[redacted]'],
  'several in a line': [`ghp_${a(36)} ghp_${a(36)}`, '[redacted] [redacted]'],
}

const harmless = [
  'https://github.com/owner/repo:8080/path',
  'ssh://git@github.com/owner/repo',
  'a bearer of good news',
  'eyJ is how these begin',
  'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  '-----BEGIN CERTIFICATE-----',
  'ghp_short',
]

describe('redaction of logs', () => {
  for (const [what, [text, shown]] of Object.entries(secrets)) {
    it(`hides ${what}`, () => expect(redact(text)).to.equal(shown))
  }

  for (const text of harmless) it(`leaves "${text}"`, () => expect(redact(text)).to.equal(text))

  it('hides the lines of a private key, and shows those after it', () => {
    const key = `before -----BEGIN RSA PRIVATE KEY-----\n${a(64)}\n${a(20)}\n-----END RSA PRIVATE KEY-----\nafter\n`
    expect(redact(key)).to.equal('before [redacted]\n[redacted]\n[redacted]\n[redacted]\nafter\n')
  })

  it('hides a private key in one line', () => {
    const key = `KEY="-----BEGIN PRIVATE KEY-----\\n${a(64)}\\n-----END PRIVATE KEY-----" and on`
    expect(redact(key)).to.equal('KEY="[redacted]" and on')
  })

  it('shows a log again after a private key without an end', () => {
    const lines = redact(`-----BEGIN PRIVATE KEY-----\n${'text\n'.repeat(1000)}`).split('\n')
    expect(lines.at(-2)).to.equal('text')
    expect(lines[5]).to.equal('[redacted]')
  })

  it('hides what configured patterns match, with characters beyond ASCII', () => {
    const pattern = ['internal-[0-9]{4}', 'geheim: .*zürich']
    const shown = redact(Buffer.from('internal-1234, geheim: in zürich').toString('latin1'), pattern)
    expect(shown).to.equal('[redacted], [redacted]')
  })

  for (const [pattern, why] of [
    ['(a', 'missing closing'],
    ['x*', 'matches the empty text'],
    ['(?=a)b', 'invalid'],
  ] as const)
    it(`refuses the pattern ${pattern}`, () => expect(() => compilePatterns([pattern])).to.throw(why))

  it('takes linear time, whatever a line and a pattern are', () => {
    const evil = [
      'eyJ',
      'eyJa.',
      'bearer ',
      'x://a:',
      'authorization: basic ',
      '-----BEGIN ',
      'secret_key = ',
      'aaaa',
      'ghp_',
      'xoxb-',
    ]
    const patterns = ['(a+)+$', '(x|xx)+y']
    for (const text of evil) {
      const start = performance.now()
      redact(text.repeat(500_000 / text.length), patterns)
      expect(performance.now() - start, text).to.be.below(5000)
    }
  })

  it('gives the same lines however the log is split', async () => {
    const text = Object.values(secrets).map(([line]) => `${STAMP} ${line}\n`)
    const log = Buffer.from(text.join(''))
    const whole = await read(log, log.length)
    expect(whole).to.not.match(/ghp_a|AKIA|eyJh/)
    await assert(
      asyncProperty(integer({ min: 1, max: 300 }), async (piece) => {
        expect(await read(log, piece)).to.equal(whole)
      }),
    )
  })

  it('hides what is in the middle of a line of megabytes', async () => {
    const log = Buffer.from(`${STAMP} ${`${'x'.repeat(999)} ghp_${a(36)} `.repeat(2500)}\n`)
    expect(await read(log, 65_536)).to.not.match(/ghp_/)
  })
})

async function read(log: Buffer, piece: number): Promise<string> {
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < log.length; from += piece) yield log.subarray(from, from + piece)
  }
  const pieces: Buffer[] = []
  for await (const lines of redacted(chunks(), new Redactor())) pieces.push(lines)
  return Buffer.concat(pieces).toString()
}
