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

  it('has the forms of the output that each command has', async () => {
    const known = new Map<string, string[]>()
    for (const [, name = ''] of page.matchAll(/^\| `([a-z]+)` \|/gm)) {
      const host = recordedHost()
      await runPlugin([name, '--help'], host, '1.2.3')
      const choices = /--output <format>[^(]*\(choices: ([^)]*)\)/s.exec(host.out.text)?.[1] ?? ''
      for (const [, form = ''] of choices.matchAll(/"(\w+)"/g)) known.set(form, [...(known.get(form) ?? []), name])
    }
    const rows = [...page.matchAll(/^\| (`-o .+`) \| (.+) \|$/gm)].flatMap(([, forms = '', commands = '']) =>
      [...forms.matchAll(/-o (\w+)/g)].map(([, form]): [string | undefined, string[]] => [
        form,
        [...commands.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
      ]),
    )
    expect(Object.fromEntries(rows)).to.deep.equal(Object.fromEntries(known))
  })

  it('has a row for each exit code', () => {
    const rows = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
    expect(rows).to.deep.equal(Object.values(exitCodes))
  })
})
