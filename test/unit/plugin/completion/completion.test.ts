import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Candidate, candidatesFor } from '../../../../src/plugin/completion/candidates.ts'
import { whereIn } from '../../../../src/plugin/completion/complete.ts'
import { scriptOf } from '../../../../src/plugin/completion/scripts.ts'
import { programOf } from '../../../../src/plugin/program.ts'
import { runPlugin } from '../../../../src/plugin/run.ts'
import { recordedHost } from '../../../plugin/recorded-host.ts'

const nothing = (): Promise<void> => Promise.resolve()
const handlers = {
  delegate: nothing,
  list: nothing,
  logs: nothing,
  why: nothing,
  cancel: nothing,
  top: nothing,
  doctor: nothing,
  completion: nothing,
  version: nothing,
}

async function wordsFor(...typed: string[]): Promise<string[]> {
  const named = (what: string): Candidate[] => [1, 2].map((number) => ({ word: `${what}-${number}`, meaning: '' }))
  const program = programOf(handlers, recordedHost(), '1.2.3')
  return (await candidatesFor(program, typed, (what) => Promise.resolve(named(what)))).map(({ word }) => word)
}

describe('completion', () => {
  const cases: [typed: string[], words: string[]][] = [
    [['l'], ['list', 'logs']],
    [['list', '--ph'], ['--phase']],
    [
      ['list', '-o', ''],
      ['json', 'yaml', 'wide', 'name'],
    ],
    [['list', '--output=y'], ['--output=yaml']],
    [
      ['why', ''],
      ['job-1', 'job-2'],
    ],
    [['why', 'job-1', ''], []],
    [
      ['cancel', 'job-1', ''],
      ['job-1', 'job-2'],
    ],
    [
      ['logs', '-f', 'job-'],
      ['job-1', 'job-2'],
    ],
    [['logs', '--tail', ''], []],
    [
      ['delegate', 'owner/repo', '--pool', ''],
      ['pool-1', 'pool-2'],
    ],
    [
      ['-n', ''],
      ['namespace-1', 'namespace-2'],
    ],
    [['-n', 'team', 'w'], ['why']],
    [['ls', '--sel'], ['--selector']],
    [['completion', 'z'], ['zsh']],
    [
      ['nothing', ''],
      ['delegate', 'list', 'logs', 'why', 'cancel', 'top', 'doctor', 'completion', 'version'],
    ],
  ]
  for (const [typed, words] of cases) {
    it(`offers what may follow: ${typed.join(' ')}`, async () => expect(await wordsFor(...typed)).to.deep.equal(words))
  }

  it('asks the cluster that the flags choose', () => {
    const typed = ['--context=other', 'why', '-n', 'team', '']
    expect(whereIn(typed)).to.deep.equal({ kubeconfig: undefined, context: 'other', namespace: 'team' })
  })

  it('prints words with their meaning, and the directive that kubectl reads', async () => {
    const host = recordedHost()
    expect(await runPlugin(['__complete', 'do'], host, '1.2.3')).to.equal(0)
    expect(host.out.text).to.equal('doctor\tfind what is wrong with an installation\n:4\n')
    expect(host.err.text).to.equal('')
  })

  describe('its scripts', () => {
    const folder = mkdtempSync(join(tmpdir(), 'completion-'))
    before(() => {
      const program = join(folder, 'kubectl-runnerhub')
      writeFileSync(program, '#!/bin/sh\nprintf "%s\\n" "list\tof $#: $*" "logs\tof jobs" :4\n')
      chmodSync(program, 0o755)
    })
    after(() => rmSync(folder, { recursive: true }))
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` }

    it('complete in bash', () => {
      const use = 'COMP_WORDS=(kubectl-runnerhub -n team li) COMP_CWORD=3; _kubectl_runnerhub; echo "${COMPREPLY[@]}"'
      const output = execFileSync('bash', ['-c', `${scriptOf('bash')}\n${use}`], { env, encoding: 'utf8' })
      expect(output).to.equal('list\n')
    })

    it('answer kubectl', () => {
      const file = join(folder, 'kubectl_complete-runnerhub')
      writeFileSync(file, scriptOf('kubectl'))
      chmodSync(file, 0o755)
      expect(execFileSync(file, ['why', ''], { env, encoding: 'utf8' })).to.equal(
        'list\tof 3: __complete why \nlogs\tof jobs\n:4\n',
      )
    })
  })
})
