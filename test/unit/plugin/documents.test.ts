import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { exitCodes } from '../../../src/plugin/exit.ts'
import { runPlugin } from '../../../src/plugin/run.ts'
import { recordedHost } from '../../plugin/recorded-host.ts'

const page = readFileSync(new URL('../../../docs/kubectl.md', import.meta.url), 'utf8')

describe('docs/kubectl.md', () => {
  it('has a row for each command', async () => {
    const host = recordedHost()
    await runPlugin(['help'], host, '1.2.3')
    const section = host.out.text.slice(host.out.text.indexOf('Commands:'))
    const commands = [...section.matchAll(/^ {2}([a-z]+)[ |]/gm)].map(([, name]) => name)
    const rows = [...page.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, name]) => name)
    expect(rows).to.deep.equal(commands.filter((name) => name !== 'help'))
  })

  it('has a row for each exit code', () => {
    const rows = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
    expect(rows).to.deep.equal(Object.values(exitCodes))
  })
})
