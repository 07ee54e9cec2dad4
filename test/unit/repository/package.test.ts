import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { outputOf, run } from '../../../config/local/run.d/program.ts'

const root = join(import.meta.dirname, '../../..')

/** A program of somebody else, which names types, errors and operations of the client. */
const consumer = `
import { type Job, NoAnswer, Refused, RunnerHubClient } from 'github-runnerhub/client'
const hub = new RunnerHubClient({ url: 'http://127.0.0.1:1', token: () => 'a-token' })
const describe = ({ id, status, metadata }: Job): string => [id, status, metadata.reason].join(' ')
try {
  const { body } = await hub.call('getJob', { path: { id: 'some' } })
  console.log(describe(body.data))
} catch (error) {
  if (error instanceof Refused) console.log(error.status, error.code)
  else if (error instanceof NoAnswer) console.log('no answer')
}
// @ts-expect-error -- there is no such state
export const lost = (): unknown => hub.call('listJobs', { query: { status: 'lost' } })
`

describe('the package', function () {
  this.timeout('120s')
  let folder: string
  let signal: AbortSignal

  before(async () => {
    // From here on: other suites run between the load of this file and this.
    signal = AbortSignal.timeout(120_000)
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-package-'))
    const [where, home] = [join(folder, 'node_modules/github-runnerhub'), join(folder, 'packed')]
    await mkdir(where, { recursive: true })
    await mkdir(home)
    const packing = await run(['npm', 'pack', '--pack-destination', home], { directory: root }, signal)
    expect(packing.code, packing.stderr).to.equal(0)
    const [name = ''] = await readdir(home)
    await outputOf(['tar', '-xzf', join(home, name), '-C', where, '--strip-components=1'], signal)
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
    // Links the programs, as an installation does, but asks no registry.
    const options = ['--offline', '--ignore-scripts', '--no-audit']
    const linked = await run(['npm', 'rebuild', ...options], { directory: folder }, signal)
    expect(linked.code, linked.stderr).to.equal(0)
  })
  after(() => rm(folder, { recursive: true }))

  it('holds what its users need, and nothing of the operator', async () => {
    const files = await readdir(join(folder, 'node_modules/github-runnerhub'), { recursive: true, withFileTypes: true })
    const names = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name))
    const inside = names.map((name) => name.slice(join(folder, 'node_modules/github-runnerhub/').length))
    const parts = ['address', 'client', 'contract', 'failures'].flatMap((part) => [`${part}.js`, `${part}.d.ts`])
    const others = ['LICENSE', 'README.md', 'package.json', 'build/kubectl-runnerhub.cjs']
    expect(inside).to.have.members([...others, ...parts.map((part) => `dist/client/${part}`)])
  })

  it('installs the plugin of kubectl and its completion as programs', async () => {
    const programs = join(folder, 'node_modules/.bin')
    expect(await outputOf([join(programs, 'kubectl-runnerhub'), 'version', '--client'], signal)).to.match(/^Client: \d/)
    const completed = await outputOf([join(programs, 'kubectl_complete-runnerhub'), 'can'], signal)
    expect(completed).to.equal('cancel\tcancel jobs\n:4\n')
  })

  it('has the client with its types, for strict programs', async () => {
    await writeFile(join(folder, 'consumer.ts'), consumer)
    const options = '--strict --module nodenext --target es2024 --lib es2024,dom --types'.split(' ')
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const compiled = await run(
      [process.execPath, compiler, ...options, '', 'consumer.ts'],
      { directory: folder },
      signal,
    )
    expect(compiled).to.deep.equal({ code: 0, stdout: '', stderr: '' })
    expect(await outputOf([process.execPath, join(folder, 'consumer.js')], signal)).to.equal('no answer\n')
  })
})
