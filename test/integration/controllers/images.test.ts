import { expect } from 'chai'
import { type DaemonSet, daemonSets } from '../../../src/api/daemon-set.ts'
import type { Resource } from '../../../src/api/object.ts'
import { type ContainerState, isPrePullPod, pods } from '../../../src/api/pod.ts'
import { type RunnerPoolStatus, runnerPools } from '../../../src/api/runner-pool.ts'
import { runners } from '../../../src/api/runner.ts'
import { elementsOf, fieldsOf } from '../../../src/api/json.ts'
import { STAND_IN_NODE } from '../../kubelet/node.ts'
import { ignored, runs } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal
const here = 'runnerhub-images-kept-amd64'
const images = ['registry.example/setup:1', 'registry.example/runner:1']
const template = {
  spec: {
    nodeSelector: { disk: 'fast' },
    // The node reports nothing: after a minute it has the taint of unreachable nodes.
    tolerations: [{ operator: 'Exists' }],
    initContainers: [{ name: 'setup', image: images[0] }],
    containers: [{ name: 'runner', image: images[1] }],
  },
}

const nodes: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' }

/** The DaemonSet controller runs here. The test plays the kubelet of its pods. */
describe('the images of a pool with prePull', function () {
  this.timeout('180s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(({ metadata }) => (metadata.name.startsWith('job') ? runs() : ignored()))
    await site.createPool('kept', { prePull: true, maxRunners: 1, template })
    operator = await site.operator()
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const edit = (spec: object) => {
    return site.client.patchMerge(runnerPools, { namespace: site.namespace, name: 'kept' }, { spec }, forever)
  }
  const setAt = (name = here): Promise<DaemonSet> =>
    site.until(`DaemonSet ${name}`, async () => site.get(daemonSets, name))
  const imagesIn = ({ spec }: DaemonSet) =>
    elementsOf(spec.template.spec['containers']).map((each) => fieldsOf(each)['image'])

  /** Waits for this condition, and returns the status of the pool. */
  const imagesAre = (reason: string, matches: (status: RunnerPoolStatus) => boolean = () => true) =>
    site.until(`the images to be ${reason}`, async () => {
      const { status = {} } = (await site.get(runnerPools, 'kept')) ?? {}
      const isSo = status.conditions?.some((each) => each.type === 'ImagesPulled' && each.reason === reason)
      return isSo === true && matches(status) ? status : undefined
    })
  const presenceIn = ({ images: held = [] }: RunnerPoolStatus) =>
    held.map((each) => `${each.image} ${each.nodes}/${each.desiredNodes}`)

  /** The pod of the DaemonSet on the node. */
  const keeper = (): Promise<string> =>
    site.until('the pod of the DaemonSet', async () => {
      const all = (await site.list(pods)).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      return all.find((pod) => isPrePullPod(pod))?.metadata.name
    })

  /** As a kubelet: the states of the containers of that pod. */
  async function report(...states: ContainerState[]): Promise<void> {
    await site.kubelet.apply(await keeper(), 'bind', ({ spec }) => ({
      containerStatuses: elementsOf(spec['containers']).map((container, index) => ({
        name: fieldsOf(container)['name'],
        image: fieldsOf(container)['image'],
        imageID: '',
        ready: false,
        restartCount: 0,
        state: states[index] ?? { waiting: { reason: 'ContainerCreating' } },
      })),
    }))
  }

  it('are kept by a DaemonSet for each architecture, on the nodes of its template', async () => {
    for (const name of [here, 'runnerhub-images-kept-arm64']) {
      const { spec, metadata } = await setAt(name)
      expect(imagesIn(await setAt(name))).to.deep.equal(images)
      expect(fieldsOf(spec.template.spec['nodeSelector'])).to.include({ disk: 'fast' })
      expect(metadata.ownerReferences?.map(({ kind, name: owner }) => `${kind} ${owner}`)).to.deep.equal([
        'RunnerPool kept',
      ])
    }
    const status = await imagesAre('Pulled')
    expect(presenceIn(status), 'no node of the pool').to.deep.equal(images.map((image) => `${image} 0/0`))
  })

  it('are counted from pods that the restricted level of Pod Security accepts, and that are no jobs', async () => {
    const labels = { disk: 'fast', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' }
    await site.client.patchMerge(nodes, { namespace: '', name: STAND_IN_NODE }, { metadata: { labels } }, forever)
    await keeper()
    const pulling = await imagesAre('Pulling')
    expect(presenceIn(pulling)).to.deep.equal(images.map((image) => `${image} 0/1`))
    await report({ running: { startedAt: new Date().toISOString() } })
    await imagesAre('Pulling', (status) => presenceIn(status)[0] === `${images[0]} 1/1`)
    const running = { running: { startedAt: new Date().toISOString() } }
    await report(running, running)
    const { running: runningJobs, starting, limitsReached } = await imagesAre('Pulled')
    expect({ runningJobs, starting, limitsReached }).to.deep.equal({ runningJobs: 0, starting: 0, limitsReached: [] })
    await site.createJob('job')
    await site.jobIs('job', { phase: 'Running' })
    expect((await site.list(runners)).map(({ metadata }) => metadata.name)).to.deep.equal(['job-1'])
  })

  it('that a registry refuses are shown with its words, in an Event too', async () => {
    const words = 'pull access denied, repository does not exist or may require authorization'
    await report({ waiting: { reason: 'ErrImagePull', message: words } }, { running: {} })
    const status = await imagesAre('ImagePull')
    expect(status.images?.[0]).to.deep.equal({ image: images[0], nodes: 0, desiredNodes: 1, message: words })
    const message = `image ${images[0]} cannot be pulled: ${words}`
    expect(status.conditions?.find(({ type }) => type === 'ImagesPulled')?.message).to.equal(message)
    await site.eventRecorded('kept', 'ImagePull')
  })

  it('change with the template, and are there again after a restart if somebody changed them', async () => {
    await edit({ template: { spec: { initContainers: [] } } })
    await site.until('the DaemonSet to change', async () => imagesIn(await setAt()).length === 1)
    await site.client.patchMerge(
      daemonSets,
      { namespace: site.namespace, name: here },
      { spec: { template: { spec: { nodeSelector: { disk: null } } } } },
      forever,
    )
    operator.kill()
    await operator.close()
    operator = await site.operator()
    await site.until('the DaemonSet to be mended', async () => {
      return fieldsOf((await setAt()).spec.template.spec['nodeSelector'])['disk'] === 'fast'
    })
  })

  it('are let go when the pool does not want it any more', async () => {
    await edit({ prePull: false })
    await site.until('the DaemonSets to be gone', async () => (await site.list(daemonSets)).length === 0)
    await site.until('the status to forget them', async () => {
      const { status } = (await site.get(runnerPools, 'kept')) ?? {}
      return status?.images === undefined && status?.conditions?.every(({ type }) => type !== 'ImagesPulled')
    })
  })

  it('are nothing that the pool waits for if its nodes can keep none', async () => {
    await edit({ prePull: true, template: { spec: { nodeSelector: { 'kubernetes.io/arch': 's390x' } } } })
    const { conditions } = await imagesAre('PrePullUnsupported')
    expect(conditions?.find(({ type }) => type === 'Ready')).to.include({ status: 'True' })
    expect(await site.list(daemonSets)).to.deep.equal([])
  })
})
