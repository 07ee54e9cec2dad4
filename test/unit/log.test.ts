import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import { asObject } from '../../src/kube/client/parse.ts'

/** Logs text of callers as the operator does: pino writes to standard output. */
const program = `
  import { makeLog } from '${new URL('../../src/log.ts', import.meta.url).href}'
  const log = makeLog('info')
  const texts = JSON.parse(process.argv[1])
  for (const text of texts) log.info({ path: text, [text]: 1, token: 'secret-token' }, 'audit')
`

describe('a line of the log', () => {
  it('is one line of JSON, whatever a caller has sent', () => {
    const texts = [
      'a\r\n{"msg":"audit","user":"admin"}',
      '\u001b[31mred\u001b[2J',
      '\u0000',
      '"},{"a":"',
      '\u2028',
      '__proto__',
    ]
    const args = ['--input-type=module', '--eval', program, JSON.stringify(texts)]
    const output = execFileSync(process.execPath, args, { encoding: 'utf8' })
    const lines = output.trimEnd().split('\n')
    expect(lines).to.have.length(texts.length)
    expect(lines.map((line) => asObject(JSON.parse(line))['path'])).to.deep.equal(texts)
    // oxlint-disable-next-line no-control-regex -- these are the characters
    expect(output.replaceAll('\n', '')).to.not.match(/[\u0000-\u001f]/)
    expect(output).to.not.include('secret-token')
  })
})
