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

describe("the operator's image", function () {
  this.timeout('5m')
  let folder: string
  let base: string

  before('has a cluster', async () => {
    await cluster('up')
    base = (await clusterEnv())['RUNNERHUB_BASE_IMAGE'] ?? ''
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-image-'))
  })

  after(() => rm(folder, { recursive: true }))

  /** Builds the image from files written under a umask, without layers of earlier builds. */
  async function build(name: string, baseImage: string, umask: string): Promise<string> {
    // One folder for each umask: its packages are installed only once.
    const [files, archive] = [join(folder, `umask-${umask}`), join(folder, `${name}.tar`)]
    await command('bash', '-c', 'umask "$1" && shift && "$@"', 'build', umask, process.execPath, prepare, files)
    const flags = ['--no-cache', '--stage', `prepared=${files}`]
    const image = `docker.io/local/cluster-test:${name}`
    const { code, stderr } = await ended(
      localTool('build-image'),
      [...flags, root, image, archive, `BASE_IMAGE=${baseImage}`],
      { SOURCE_DATE_EPOCH: '1700000000' },
    )
    expect(code, stderr).to.equal(0)
    return archive
  }

  it('has the same digest whenever and wherever its files were written', async function () {
    if ((await command(localTool('build-image'), '--builder')) !== 'buildah') this.skip()
    const digests: string[] = []
    for (const umask of ['022', '077']) {
      digests.push((await readOciArchive(await build(`umask-${umask}`, base, umask))).digest)
    }
    expect(digests[0]).to.match(/^sha256:[0-9a-f]{64}$/)
    expect(digests[1]).to.equal(digests[0])
  })

  it('starts on a base that has no shell', async () => {
    const context = join(folder, 'context')
    await mkdir(context)
    const remove = '["rm", "/bin/sh", "/bin/dash", "/bin/bash"]'
    await writeFile(join(context, 'Dockerfile'), `ARG BASE_IMAGE\nFROM $BASE_IMAGE\nRUN ${remove}\n`)
    const shellless = 'docker.io/local/cluster-test:shellless'
    await command(localTool('build-image'), context, shellless, join(folder, 'base.tar'), `BASE_IMAGE=${base}`)
    await cluster('load-image', await build('no-shell', shellless, '022'))
    const pods = new Pods((await clusterEnv())['KUBECONFIG'] ?? '', 'docker.io/local/cluster-test:no-shell')
    expect(await pods.runEntrypoint('--help')).to.include('RATE_LIMIT_MAX')
  })
})
