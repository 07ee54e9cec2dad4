import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { bundlePlugin } from '../../plugin/bundle.ts'

const shells = join(import.meta.dirname, '../../../config/local/shells')

/** Types into a zsh of its own on a terminal: reads the script, presses Tab once, and has the line printed. */
const zsh = (setUp: string, typed: string): string => `
zmodload zsh/zpty
zpty typed zsh -f -i
zpty -w typed 'PS1=; fpath=("$FOLDER" $fpath); autoload -Uz compinit; compinit -u -D; ${setUp}'
zpty -w typed 'function show { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey ^X show'
zpty -w typed 'print SET-"UP"'
zpty -r typed out '*SET-UP*'
zpty -w -n typed $'${typed}\\t\\x18'
zpty -r typed out '*<*>*'
print -r -- "\${\${out##*<}%%>*}"
zpty -d typed
`

describe('the completion of the plugin', function () {
  this.timeout('60s')
  let folder: string
  let env: NodeJS.ProcessEnv

  before(async function () {
    try {
      execFileSync(shells, { stdio: 'pipe' })
    } catch {
      // Only root can install them.
      this.skip()
    }
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-shells-'))
    await bundlePlugin(folder)
    // Without a cluster: commands, flags and their values.
    env = { PATH: `${folder}:${process.env['PATH']}`, HOME: folder, FOLDER: folder, TERM: 'xterm', KUBECONFIG: '/none' }
    await writeFile(join(folder, '_kubectl-runnerhub'), run('kubectl-runnerhub', 'completion', 'zsh'))
  })
  after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true })
  })

  const run = (file: string, ...args: string[]): string => {
    return execFileSync(file, args, { env, encoding: 'utf8', timeout: 20_000 })
  }

  const inZsh = (setUp: string, typed: string): string => run('zsh', '-f', '-c', zsh(setUp, typed)).replace(/\n$/, '')

  it('works in zsh at the first Tab, from a file of fpath', () => {
    expect(inZsh('', 'kubectl-runnerhub -n team list -o js')).to.equal('kubectl-runnerhub -n team list -o json ')
  })

  it('works in zsh that reads the script at its start', () => {
    const setUp =
      'fpath=(\\${fpath:#$FOLDER}); unfunction _kubectl-runnerhub; source <(kubectl-runnerhub completion zsh)'
    expect(inZsh(setUp, 'kubectl-runnerhub doc')).to.equal('kubectl-runnerhub doctor ')
  })

  it('works in fish, with the meaning of each word', () => {
    const script = 'kubectl-runnerhub completion fish | source; complete -C'
    const offered = (typed: string): string => run('fish', '--no-config', '-c', `${script} '${typed}'`)
    expect(offered('kubectl-runnerhub -n team l')).to.equal('list\tlist jobs\nlogs\tprint the log of a job\n')
    expect(offered('kubectl-runnerhub list --output=y')).to.equal('--output=yaml\n')
  })
})
