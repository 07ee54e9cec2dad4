import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { daemonSets } from '../../src/api/daemon-set.ts'
import { isPrePullPod, pods } from '../../src/api/pod.ts'
import { runnerPools, type RunnerPoolStatus } from '../../src/api/runner-pool.ts'
import { command, localTool } from '../processes/command.ts'
import { ImageRegistry } from '../processes/image-registry.ts'
import { prepare } from './installation/image.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'

/** So much at this pace takes two seconds. */
const LAYER_BYTES = 16 * 2 ** 20
const BYTES_PER_SECOND = 8 * 2 ** 20

const forever = new AbortController().signal

/** Images of a registry on this machine, which the node pulls at the pace of a network. */
describe('the images of a pool on a real node', () => {
  let registry: ImageRegistry
  let folder: string
  const images: string[] = []

  /** Builds an image that no node has, on a base. */
  async function built(name: string, base: string): Promise<string> {
    const context = await mkdtemp(join(folder, 'context-'))
    await writeFile(join(context, 'layer'), randomBytes(LAYER_BYTES))
    await writeFile(join(context, 'Dockerfile'), `FROM ${base}\nCOPY layer /layer\n`)
    const archive = join(folder, `${name}.tar`)
    await command(localTool('build-image'), context, `docker.io/local/${name}:1`, archive)
    const image = await registry.add(name, archive)
    images.push(image)
    return image
  }

  const installation = installed({
    setUp: async (hub) => {
      const { cluster } = await prepare()
      folder = await mkdtemp(join(tmpdir(), 'runnerhub-images-'))
      registry = await ImageRegistry.start(BYTES_PER_SECOND)
      await hub.createPool('cold', { image: await built('cold', cluster.baseImage) })
      await hub.createPool('warm', { image: await built('warm', cluster.baseImage) })
    },
  })
  let hub: Installation

  beforeEach(() => {
    hub = installation()
  })
  after(async () => {
    await registry.close()
    await rm(folder, { recursive: true })
  })

  const prePull = (pool: string, isWanted: boolean) =>
    hub.kubectl('patch', 'rp', pool, '--type=merge', `--patch={"spec":{"prePull":${isWanted}}}`)

  async function statusOf(pool: string): Promise<RunnerPoolStatus> {
    return (await hub.client.get(runnerPools, { namespace: hub.namespace, name: pool }, forever)).status ?? {}
  }

  /** Waits until the condition has this reason, and returns the status. */
  const imagesAre = (pool: string, reason: string) =>
    hub.until(`the images of pool ${pool} to be ${reason}`, async () => {
      const status = await statusOf(pool)
      return status.conditions?.some((each) => each.type === 'ImagesPulled' && each.reason === reason)
        ? status
        : undefined
    })

  /** Milliseconds from the delegation of a job to the start of its container, and the blobs that were read meanwhile. */
  async function startIn(pool: string): Promise<{ ms: number; reads: number }> {
    const before = registry.reads.get(pool) ?? 0
    const id = await hub.rest.delegate({ labels: [pool] })
    const { spec, status } = await hub.jobIs(id, { phase: 'Completed' })
    const ms = Date.parse(status.startedAt ?? '') - Date.parse(spec.delegatedAt ?? '')
    return { ms, reads: (registry.reads.get(pool) ?? 0) - before }
  }

  it('are pulled before a job needs them, so that it starts without a pull', async () => {
    await prePull('warm', true)
    const { images: held } = await imagesAre('warm', 'Pulled')
    expect(held).to.deep.equal([{ image: registry.reference('warm'), nodes: 1, desiredNodes: 1 }])
    const [cold, warm] = [await startIn('cold'), await startIn('warm')]
    console.log(`      a job starts after ${cold.ms} ms with a pull, and after ${warm.ms} ms without`)
    expect(cold.reads).to.be.above(0)
    expect(warm.reads).to.equal(0)
  })

  it('are kept by a container even if nothing in them can be executed', async () => {
    const image = await built('data', 'scratch')
    await hub.createPool('data', { image })
    await prePull('data', true)
    await imagesAre('data', 'Pulled')
    const kept = async () =>
      (await hub.client.listPage(pods, hub.namespace, {}, forever)).items.filter((pod) => isPrePullPod(pod))
    await hub.until('its container to run', async () =>
      (await kept()).some(({ status }) =>
        status?.containerStatuses?.some((each) => each.image?.includes('data') && each.state?.running !== undefined),
      ),
    )
    for (const pod of await kept())
      expect(pod.status?.containerStatuses?.map(({ restartCount }) => restartCount)).to.deep.equal([0])
  })

  it('have the words of the registry in the status of the pool if they cannot be pulled', async () => {
    const image = registry.reference('missing')
    await hub.createPool('missing', { image })
    await prePull('missing', true)
    const { images: held, conditions } = await imagesAre('missing', 'ImagePull')
    expect(held?.[0]).to.include({ image, nodes: 0, desiredNodes: 1 })
    expect(conditions?.find(({ type }) => type === 'ImagesPulled')?.message)
      .to.include(image)
      .and.to.include('not found')
  })

  it('are let go when the pool does not want it any more, or is gone', async () => {
    const left = async () =>
      (await hub.client.listPage(daemonSets, hub.namespace, {}, forever)).items
        .map(({ metadata }) => metadata.name)
        .filter((name) => /-(warm|missing|data)-/.test(name))
    expect(await left()).to.have.length(6)
    await prePull('warm', false)
    await hub.kubectl('delete', 'rp', 'missing', 'data')
    await hub.until('the DaemonSets to be gone', async () => (await left()).length === 0, 60_000)
    const status = await hub.until('the status to forget them', async () => {
      const now = await statusOf('warm')
      return now.images === undefined ? now : undefined
    })
    expect(status.conditions?.map(({ type }) => type)).to.deep.equal(['Ready'])
  })
})
