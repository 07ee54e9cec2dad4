import { expect } from 'chai'
import { parseHandOver } from '../../../../src/http/hand-over/message-body.ts'

const facts = { jobId: '1', runId: '2', repository: 'owner/repo' }

function bodyOf(first: unknown, ...rest: (string | Buffer)[]): Buffer {
  const line = typeof first === 'string' ? first : JSON.stringify(first)
  return Buffer.concat([Buffer.from(line), ...rest.map((part) => Buffer.from(part))])
}

describe('the body of a delegation with its message', () => {
  it('is the facts in a line, and then the message as it is', () => {
    const message = { runnerVersion: '2.336.0', serverUrl: 'https://github.com' }
    const packed = Buffer.from([31, 139, 10, 0, 10, 255])
    const parsed = parseHandOver(bodyOf({ ...facts, unknown: 1, message: { ...message, unknown: 1 } }, '\n', packed))
    expect(parsed.spec).to.deep.equal(facts)
    expect(parsed.about).to.deep.equal(message)
    expect(parsed.packed).to.deep.equal(packed)
  })

  it('need say nothing about the message', () => {
    const { about, packed } = parseHandOver(bodyOf(facts, '\n'))
    expect(about).to.deep.equal({})
    expect(packed).to.have.lengthOf(0)
  })

  const refused: [string, Buffer, string][] = [
    ['no line', bodyOf(facts), 'body must begin with the facts as JSON in one line'],
    ['no JSON', bodyOf('{', '\n'), 'body is not valid JSON'],
    ['facts of several lines', bodyOf('{\n}', '\n'), 'body is not valid JSON'],
    ['a bad fact', bodyOf({ ...facts, repository: 'x' }, '\n'), 'repository'],
    ['a bad version', bodyOf({ ...facts, message: { runnerVersion: 'latest' } }, '\n'), 'message.runnerVersion'],
    ['a bad address', bodyOf({ ...facts, message: { serverUrl: 'ftp://x' } }, '\n'), 'message.serverUrl'],
    ['a message in the facts', bodyOf({ ...facts, message: 'gzip' }, '\n'), 'message must be'],
    ['a key that reaches a prototype', bodyOf('{"__proto__":{}}', '\n'), '__proto__'],
  ]
  for (const [what, body, why] of refused) {
    it(`with ${what} is refused, and the refusal names it`, () => {
      expect(() => parseHandOver(body)).to.throw(why)
    })
  }
})
