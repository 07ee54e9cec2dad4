import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { command, localTool } from '../processes/command.ts'
import { readOciArchive } from '../processes/oci-archive.ts'
import { Pods } from './pods.ts'
import { cluster, clusterEnv, ended } from './tool.ts'

const root = new URL('../..', import.meta.url).pathname
const prepare = join(root, 'config/image/prepare.ts')

describe('an image built here', function () {
  this.timeout('3m')
  let context: string

  before('has a cluster', async function () {
    this.timeout('5m')
    await cluster('up')
    context = await mkdtemp(join(tmpdir(), 'runnerhub-image-'))
  })

  after(() => rm(context, { recursive: true }))

  it('runs in a pod once it is loaded', async () => {
    const { KUBECONFIG: kubeconfig = '', RUNNERHUB_BASE_IMAGE: base = '' } = await clusterEnv()
    const [name, archive] = ['docker.io/local/cluster-test:1', join(context, 'image.tar')]
    const word = `built-${Date.now()}`
    const dockerfile = `ARG BASE_IMAGE\nFROM $BASE_IMAGE\nARG WORD\nRUN echo $WORD >/word\n`
    await writeFile(join(context, 'Dockerfile'), dockerfile)
    await command(localTool('build-image'), context, name, archive, `BASE_IMAGE=${base}`, `WORD=${word}`)
    await cluster('load-image', archive)
    expect(await new Pods(kubeconfig, base).run('cat /word', name)).to.equal(word)
  })
})

/** Builds of the operator's image on a base that has no shell. */
describe("the operator's image", function () {
  this.timeout('5m')
  const shellless = 'docker.io/local/cluster-test:shellless'
  let folder: string

  before('has a base', async () => {
    await cluster('up')
    const base = (await clusterEnv())['RUNNERHUB_BASE_IMAGE'] ?? ''
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-image-'))
    const context = join(folder, 'context')
    await mkdir(context)
    const remove = '["rm", "/bin/sh", "/bin/dash", "/bin/bash"]'
    await writeFile(join(context, 'Dockerfile'), `ARG BASE_IMAGE\nFROM $BASE_IMAGE\nRUN ${remove}\n`)
    await command(localTool('build-image'), context, shellless, join(folder, 'base.tar'), `BASE_IMAGE=${base}`)
  })

  after(() => rm(folder, { recursive: true }))

  const built = new Map<string, Promise<string>>()
  /** The archive of an image that is built once, from files written under a umask, without layers of earlier builds. */
  function archiveOf(umask: string): Promise<string> {
    const building = built.get(umask) ?? build(umask)
    built.set(umask, building)
    return building
  }

  async function build(umask: string): Promise<string> {
    const [files, archive] = [join(folder, `files-${umask}`), join(folder, `${umask}.tar`)]
    await command('bash', '-c', 'umask "$1" && shift && "$@"', 'build', umask, process.execPath, prepare, files)
    const flags = ['--no-cache', '--stage', `prepared=${files}`]
    const image = `docker.io/local/cluster-test:umask-${umask}`
    const { code, stderr } = await ended(
      localTool('build-image'),
      [...flags, root, image, archive, `BASE_IMAGE=${shellless}`],
      { SOURCE_DATE_EPOCH: '1700000000' },
    )
    expect(code, stderr).to.equal(0)
    return archive
  }

  it('has the same digest whenever and wherever its files were written', async function () {
    if ((await command(localTool('build-image'), '--builder')) !== 'buildah') this.skip()
    const digests: string[] = []
    for (const umask of ['022', '077']) digests.push((await readOciArchive(await archiveOf(umask))).digest)
    expect(digests[0]).to.match(/^sha256:[0-9a-f]{64}$/)
    expect(digests[1]).to.equal(digests[0])
  })

  it('starts on a base that has no shell', async () => {
    await cluster('load-image', await archiveOf('022'))
    const pods = new Pods((await clusterEnv())['KUBECONFIG'] ?? '', 'docker.io/local/cluster-test:umask-022')
    expect(await pods.runEntrypoint('--help')).to.include('RATE_LIMIT_MAX')
  })
})
