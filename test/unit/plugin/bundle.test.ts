import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { run } from '../../../config/local/run.d/program.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { bundlePlugin } from '../../plugin/bundle.ts'

const root = join(import.meta.dirname, '../../..')
const mostBytes = 3e6

describe('the bundled plugin', function () {
  this.timeout('60s')
  let folder: string
  let manifest: Record<string, unknown>

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-plugin-'))
    manifest = asObject(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))
    await bundlePlugin(folder)
  })
  after(() => rm(folder, { recursive: true }))

  const call = (name: string, ...args: string[]) => run([join(folder, name), ...args], {}, AbortSignal.timeout(30_000))

  it('is one file that runs outside of the repository, and knows its version', async () => {
    const { code, stdout, stderr } = await call('kubectl-runnerhub', 'version', '--client')
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 0,
      stdout: `Client: ${String(manifest['version'])}\n`,
      stderr: '',
    })
    expect((await readFile(join(folder, 'kubectl-runnerhub'))).length).to.be.below(mostBytes)
  })

  it('completes under the name that kubectl looks for', async () => {
    const { code, stdout } = await call('kubectl_complete-runnerhub', 'can')
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'cancel\tcancel jobs\n:4\n' })
  })

  it('ends quietly when its reader has seen enough', async () => {
    const script = `${join(folder, 'kubectl-runnerhub')} completion bash | head -n 1`
    const { code, stdout, stderr } = await run(
      ['bash', '-o', 'pipefail', '-c', script],
      {},
      AbortSignal.timeout(30_000),
    )
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    expect(stdout).to.match(/^# Completes/)
  })

  for (const type of ['module', 'commonjs']) {
    it(`runs in a folder whose package.json has the type ${type}`, async () => {
      await writeFile(join(folder, 'package.json'), JSON.stringify({ type }))
      const { code, stderr } = await call('kubectl-runnerhub', 'version', '--client')
      await rm(join(folder, 'package.json'))
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    })
  }

  it('says which Node.js it needs, where that is too old', async () => {
    const text = await readFile(join(folder, 'kubectl-runnerhub'), 'utf8')
    const old = text.replaceAll('process.versions.node', "'20.1.0'")
    const { code, stderr } = await run([process.execPath, '-'], { input: old }, AbortSignal.timeout(30_000))
    expect({ code, stderr }).to.deep.equal({
      code: 1,
      stderr: 'error: kubectl-runnerhub needs Node.js 22.19 or newer, and this is 20.1.0\n',
    })
  })

  it('is what the package installs, as make kubectl-runnerhub builds it', async () => {
    const built = /file=\$\{1:-(.+)\}/.exec(await readFile(join(root, 'config/plugin/build'), 'utf8'))?.[1]
    expect(manifest['bin']).to.deep.equal({ 'kubectl-runnerhub': built, 'kubectl_complete-runnerhub': built })
  })
})
