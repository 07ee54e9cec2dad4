import { expect } from 'chai'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, localTool } from '../command.ts'
import { record } from '../../src/kube/parse.ts'
import { Pods } from './pods.ts'
import { cluster, clusterEnv, ended } from './tool.ts'

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

  it('is the same, digest and all, whenever and wherever its files were written', async function () {
    const { RUNNERHUB_BASE_IMAGE: base = '', RUNNERHUB_CLUSTER_KIND: kind } = await clusterEnv()
    if (kind === 'kind') this.skip()
    const digests: string[] = []
    for (const number of [1, 2]) {
      const folder = join(context, `copy-${number}`)
      await mkdir(join(folder, 'app'), { recursive: true })
      await writeFile(join(folder, 'Dockerfile'), 'ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY app /app\n')
      await writeFile(join(folder, 'app/file'), 'content')
      await utimes(join(folder, 'app/file'), number * 1e9, number * 1e9)
      const [name, archive] = [`docker.io/local/cluster-test:same-${number}`, join(folder, 'image.tar')]
      await ended(localTool('build-image'), ['--no-cache', folder, name, archive, `BASE_IMAGE=${base}`], {
        SOURCE_DATE_EPOCH: '1700000000',
      })
      const index: unknown = JSON.parse(
        await command('tar', '--extract', '--to-stdout', '--file', archive, 'index.json'),
      )
      const { manifests } = record(index)
      digests.push(String(record(Array.isArray(manifests) ? manifests[0] : undefined)['digest']))
    }
    expect(digests[0]).to.match(/^sha256:[0-9a-f]{64}$/)
    expect(digests[1]).to.equal(digests[0])
  })
})
