import { expect } from 'chai'
import type { Handlers } from '../../../src/plugin/handlers.ts'
import { exitCodes } from '../../../src/plugin/exit.ts'
import { programOf } from '../../../src/plugin/program.ts'
import { runPlugin } from '../../../src/plugin/run.ts'
import { recordedHost } from '../../plugin/recorded-host.ts'

/** What each command line calls. */
async function parsed(line: readonly string[]): Promise<unknown[]> {
  const calls: unknown[] = []
  const record =
    (name: string) =>
    (...args: unknown[]): Promise<void> => {
      calls.push([name, ...args])
      return Promise.resolve()
    }
  const handlers: Handlers = {
    delegate: record('delegate'),
    list: record('list'),
    logs: record('logs'),
    why: record('why'),
    cancel: record('cancel'),
    top: record('top'),
    doctor: record('doctor'),
    completion: record('completion'),
    version: record('version'),
  }
  await programOf(handlers, recordedHost(), '1.2.3').parseAsync([...line], { from: 'user' })
  return calls
}

async function outputOf(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const host = recordedHost()
  const code = await runPlugin(args, host, '1.2.3')
  return { code, out: host.out.text, err: host.err.text }
}

const commands = ['delegate', 'list', 'logs', 'why', 'cancel', 'top', 'doctor', 'completion', 'version']
const nowhere = { kubeconfig: undefined, context: undefined, namespace: undefined }

describe('the command line of kubectl runnerhub', () => {
  it('takes the flags of kubectl before and after a command', async () => {
    const where = { kubeconfig: 'file', context: 'other', namespace: 'team' }
    const flags = ['--kubeconfig', 'file', '--context=other', '-n', 'team']
    expect(await parsed([...flags, 'why', 'job'])).to.deep.equal([['why', where, 'job', {}]])
    expect(await parsed(['why', 'job', ...flags])).to.deep.equal([['why', where, 'job', {}]])
  })

  it('reads durations, numbers and lists', async () => {
    const line =
      'delegate o/r --labels a,b --labels c --timeout 1h30m --ttl 2d --run-attempt 2 --priority -5 -w --wait-timeout 90s'
    const options = { labels: ['a', 'b', 'c'], timeout: 5_400_000, ttl: 172_800_000, runAttempt: 2, priority: -5 }
    const expected = { ...options, wait: true, waitTimeout: 90_000 }
    expect(await parsed(line.split(' '))).to.deep.equal([['delegate', nowhere, 'o/r', expected]])
  })

  for (const command of commands) {
    it(`has examples in the help of ${command}, each of which it understands`, async () => {
      const { code, out } = await outputOf(command, '--help')
      expect(code).to.equal(exitCodes.ok)
      const lines = out.match(/(?<=^ {2}kubectl runnerhub ).+/gm) ?? []
      expect(lines).to.not.have.length(0)
      for (const line of lines) {
        const words = line.replace(/ > .*/, '').match(/'[^']*'|\S+/g) ?? []
        const calls = await parsed(words.map((word) => word.replaceAll("'", '')))
        expect(calls, line).to.have.nested.property('[0][0]', command)
      }
    })
  }

  it('names every command and every exit code in its help', async () => {
    const { code, out } = await outputOf('help')
    expect(code).to.equal(exitCodes.ok)
    for (const command of commands) expect(out).to.match(new RegExp(`^ {2}${command}\\b`, 'm'))
    const section = out.slice(out.indexOf('Exit codes:'))
    const documented = [...section.matchAll(/^ {2}(\d+) {2}/gm)].map(([, number]) => Number(number))
    expect(documented).to.have.members(Object.values(exitCodes))
  })

  it('ends wrong usage with 2, and says what is wrong', async () => {
    const wrong: [args: string[], message: RegExp][] = [
      [['lst'], /unknown command 'lst'\n\(Did you mean /],
      [['why'], /missing required argument 'job'/],
      [['list', '--nope'], /unknown option '--nope'/],
      [['list', '-o', 'xml'], /Allowed choices are json, yaml, wide, name/],
      [['delegate', 'o/r', '--timeout', 'soon'], /A duration is a number with s, m, h or d/],
      [['logs', 'job', '--tail', '-1'], /It must be a whole number/],
      [['completion', 'csh'], /Allowed choices are bash, zsh, fish, kubectl/],
      [['cancel'], /missing required argument 'job'/],
    ]
    for (const [args, message] of wrong) {
      const { code, out, err } = await outputOf(...args)
      expect({ code, out }, args.join(' ')).to.deep.equal({ code: exitCodes.usage, out: '' })
      expect(err).to.match(message)
    }
  })

  it('says its version without a cluster', async () => {
    expect(await outputOf('version', '--client')).to.deep.equal({ code: 0, out: 'Client: 1.2.3\n', err: '' })
    const asJson = await outputOf('version', '--client', '-o', 'json')
    expect(JSON.parse(asJson.out)).to.deep.equal({ client: '1.2.3' })
    expect(await outputOf('--version')).to.deep.equal({ code: 0, out: '1.2.3\n', err: '' })
  })
})
