import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { command, localTool } from '../processes/command.ts'
import { ended, type Ended, toolFolder } from './tool.ts'

describe('a cluster that the caller provides', function () {
  this.timeout('2m')
  let folder: string
  let kubeconfig: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-given-'))
    kubeconfig = await command(localTool('control-plane'), 'start', join(folder, 'plane'))
  })

  after(async () => {
    await command(localTool('control-plane'), 'stop', join(folder, 'plane'), '--remove')
    await rm(folder, { recursive: true })
  })

  const withIt = (verb: string, env: Record<string, string> = {}): Promise<Ended> =>
    ended(`${toolFolder}cluster`, [verb], { RUNNERHUB_KUBECONFIG: kubeconfig, XDG_CACHE_HOME: folder, ...env })

  it('is used unchanged and outlives down', async () => {
    for (const verb of ['up', 'status', 'down', 'up']) {
      const { code, stderr } = await withIt(verb)
      expect(code, `${verb}: ${stderr}`).to.equal(0)
    }
    expect((await withIt('kubeconfig')).stdout).to.equal(`${kubeconfig}\n`)
    expect((await withIt('env')).stdout).to.contain('RUNNERHUB_CLUSTER_KIND=given')
    const writes = await readFile(join(folder, 'plane', 'audit.log'), 'utf8')
    expect(writes, 'nothing was written').not.to.contain('kubectl/')
  })

  it('is used through the given context', async () => {
    const { stdout } = await withIt('kubeconfig', { RUNNERHUB_CONTEXT: 'runnerhub-local' })
    expect(await command('kubectl', '--kubeconfig', stdout.trim(), 'get', '--raw', '/readyz')).to.equal('ok')
    const missing = await withIt('up', { RUNNERHUB_CONTEXT: 'missing' })
    expect(missing.code).not.to.equal(0)
    expect(missing.stderr).to.contain('no context missing')
  })
})
