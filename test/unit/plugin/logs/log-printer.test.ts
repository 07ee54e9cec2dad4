import { expect } from 'chai'
import { LogPrinter } from '../../../../src/plugin/logs/log-printer.ts'
import { RecordedOutput } from '../../../plugin/recorded-host.ts'

const stamp = '2026-01-01T00:00:00.000000000Z'

async function printed(
  chunks: readonly (string | Buffer)[],
  given: { timestamps?: boolean; isTerminal?: boolean } = {},
) {
  const { timestamps = false, isTerminal = false } = given
  const out = new RecordedOutput(isTerminal)
  const printer = new LogPrinter(out, { timestamps, keepsColours: true })
  for (const chunk of chunks) await printer.write(Buffer.from(chunk))
  await printer.end()
  return out.text
}

describe('a printed log', () => {
  it('has its lines without timestamps, unless they are wanted', async () => {
    const chunks = [`${stamp} one\n${stamp}`, ` tw`, `o\n${stamp} \n${stamp}\n`]
    expect(await printed(chunks)).to.equal('one\ntwo\n\n\n')
    expect(await printed([`${stamp} one\n`], { timestamps: true })).to.equal(`${stamp} one\n`)
  })

  it('has a last line without an end, and characters that came in pieces', async () => {
    const bytes = Buffer.from(`${stamp} 日`)
    expect(await printed([bytes.subarray(0, -1), bytes.subarray(-1)])).to.equal('日\n')
  })

  it('ends the colours of a terminal', async () => {
    expect(await printed([`${stamp} \u001b[31mred\n`], { isTerminal: true })).to.equal('\u001b[31mred\n\u001b[0m')
    expect(await printed([`${stamp} \u001b[31mred\n`])).to.equal('\u001b[31mred\n')
    expect(await printed([`${stamp} plain\n`], { isTerminal: true })).to.equal('plain\n')
  })

  it('has a line of many megabytes, in pieces', async () => {
    const half = 'x'.repeat(1_500_000)
    expect(await printed([`${stamp} ${half}`, half, `\n${stamp} next\n`])).to.equal(`${half}${half}\nnext\n`)
  })
})
