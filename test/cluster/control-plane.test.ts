import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { eventually } from '../observe/eventually.ts'
import { command, localTool } from '../processes/command.ts'
import { ended } from './tool.ts'

describe('a throwaway control plane', function () {
  this.timeout('2m')
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-planes-'))
  })

  afterEach(async () => {
    for (const name of ['one', 'two']) await command(localTool('control-plane'), 'stop', join(folder, name), '--remove')
    await rm(folder, { recursive: true })
  })

  const plane = (verb: string, name: string, ...flags: string[]): Promise<string> =>
    command(localTool('control-plane'), verb, join(folder, name), ...flags)

  const kubectl = (name: string, ...args: string[]): Promise<string> =>
    command('kubectl', '--kubeconfig', join(folder, name, 'kubeconfig'), '--request-timeout=20s', ...args)

  it('is independent of another that runs at the same time', async () => {
    const [one] = await Promise.all([plane('start', 'one'), plane('start', 'two', '--no-audit')])
    expect(one).to.equal(join(folder, 'one', 'kubeconfig'))
    await kubectl('one', 'create', 'namespace', 'only-here')
    expect(await kubectl('two', 'get', 'namespaces', '-o', 'name')).not.to.contain('only-here')
    expect(await readFile(join(folder, 'one', 'audit.log'), 'utf8')).to.contain('only-here')
    expect(existsSync(join(folder, 'two', 'audit.log'))).to.equal(false)
  })

  it('keeps port and data when its API server crashes and when it is stopped', async () => {
    await plane('start', 'one')
    await kubectl('one', 'create', 'namespace', 'kept')
    await plane('kill-apiserver', 'one')
    const refused = await ended('kubectl', ['--kubeconfig', join(folder, 'one', 'kubeconfig'), 'get', 'ns'])
    expect(refused.code).not.to.equal(0)
    await plane('start-apiserver', 'one')
    expect(await kubectl('one', 'get', 'namespace', 'kept', '-o', 'name')).to.equal('namespace/kept')
    await plane('stop', 'one')
    await plane('start', 'one')
    expect(await kubectl('one', 'get', 'namespace', 'kept', '-o', 'name')).to.equal('namespace/kept')
  })

  it('collects garbage and issues tokens with its controller manager', async () => {
    await plane('start', 'one', '--controller-manager')
    expect(await kubectl('one', 'create', 'token', 'default', '--audience', 'runnerhub')).to.match(/^ey/)
    await kubectl('one', 'create', 'deployment', 'owner', '--image=none', '--replicas=1')
    const owned = (): Promise<string> => kubectl('one', 'get', 'replicasets', '-o', 'name')
    await eventually(owned, { what: 'the deployment has a replica set' })
    await kubectl('one', 'delete', 'deployment', 'owner')
    await eventually(async () => (await owned()) === '', { withinMs: 30_000, what: 'the replica set is collected' })
  })

  it('leaves no process and no folder behind', async () => {
    await plane('start', 'one')
    await plane('stop', 'one', '--remove')
    expect(existsSync(join(folder, 'one'))).to.equal(false)
    const mark = `RUNNERHUB_LOCAL_PART=${join(folder, 'one')}:`
    expect((await ended('sh', ['-c', `grep -lzs '${mark}' /proc/[0-9]*/environ`])).stdout).to.equal('')
  })

  it('reports a folder with other files', async () => {
    const { code, stderr } = await ended(localTool('control-plane'), ['start', '/usr'])
    expect(code).not.to.equal(0)
    expect(stderr).to.contain('/usr holds other files')
  })
})
