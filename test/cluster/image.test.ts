import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, localTool } from '../command.ts'
import { Pods } from './pods.ts'
import { cluster, clusterEnv } from './tool.ts'

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
