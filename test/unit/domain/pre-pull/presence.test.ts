import { expect } from 'chai'
import type { ContainerState, Pod } from '../../../../src/api/pod.ts'
import type { RunnerPool } from '../../../../src/api/runner-pool.ts'
import { projectPrePullPod } from '../../../../src/cluster/project-pre-pull-pod.ts'
import { imagesOf } from '../../../../src/domain/pre-pull/images.ts'
import { heldImages, statusWithImages, statusWithoutImages } from '../../../../src/domain/pre-pull/presence.ts'
import { aPod, aPool, at, deletedAt, running } from '../../../objects/builders.ts'

const pool = aPool({
  spec: { prePull: true, template: { spec: { containers: [{ image: 'one:1' }, { image: 'two:2' }] } } },
})
const [one = '', two = ''] = imagesOf(pool).map(({ container }) => container)

const waits = (reason: string, message?: string): ContainerState => ({
  waiting: { reason, ...(message !== undefined && { message }) },
})
const creating = waits('ContainerCreating')
const words = 'failed to resolve reference "one:1": unexpected status: 403 Forbidden'
const refused = waits('ErrImagePull', words)
const backOff = waits('ImagePullBackOff', `Back-off pulling image "one:1": ErrImagePull: ${words}`)

/** A pod on a node with the states of its two containers. */
function onNode(nodeName: string, ofOne: ContainerState, ofTwo: ContainerState, metadata = {}): Pod {
  const containerStatuses = [
    { name: one, state: ofOne },
    { name: two, state: ofTwo },
  ]
  return projectPrePullPod(aPod({ metadata: { name: nodeName, ...metadata }, nodeName, status: { containerStatuses } }))
}

const look = (pods: Pod[], desiredNodes: number, of: RunnerPool = pool) =>
  statusWithImages(of, { pods, desiredNodes }, at(0))
const shown = (pods: Pod[], desiredNodes: number, of?: RunnerPool) => {
  const { images = [], conditions = [] } = look(pods, desiredNodes, of)
  const [{ status, reason, message } = {}] = conditions
  return { nodes: images.map((each) => `${each.nodes}/${each.desiredNodes}`).join(' '), status, reason, message }
}

describe('the images that a pod has on its node', () => {
  const cases: Record<string, [state: ContainerState, isPresent: boolean]> = {
    runs: [running, true],
    'has ended': [{ terminated: { exitCode: 137 } }, true],
    'waits for its image': [creating, false],
    'could not pull it': [refused, false],
    'has it, and no program of its architecture': [waits('CrashLoopBackOff', 'exec format error'), true],
    'has it, and cannot be made': [waits('CreateContainerError'), true],
    'is not known yet': [{}, false],
  }
  for (const [what, [state, isPresent]] of Object.entries(cases)) {
    it(`${isPresent ? 'include' : 'do not include'} that of a container that ${what}`, () => {
      expect(heldImages(onNode('a', state, creating)).present).to.deep.equal(isPresent ? [one] : [])
    })
  }

  it('include one that the kubelet names', () => {
    const containerStatuses = [{ name: one, imageID: 'sha256:1', state: creating }]
    expect(heldImages(aPod({ status: { containerStatuses } })).present).to.deep.equal([one])
  })
})

describe('the status of a pool that keeps its images on its nodes', () => {
  it('counts the nodes that have each image, of those that are to have it', () => {
    expect(shown([], 3)).to.deep.equal({
      nodes: '0/3 0/3',
      status: 'False',
      reason: 'Pulling',
      message: 'image one:1 is not yet on every node',
    })
    expect(shown([onNode('a', running, running), onNode('b', running, creating)], 3)).to.include({ nodes: '2/3 1/3' })
    expect(shown([onNode('a', running, running)], 1)).to.include({ nodes: '1/1 1/1', status: 'True', reason: 'Pulled' })
    expect(shown([], 0), 'no node').to.include({ nodes: '0/0 0/0', status: 'True' })
  })

  it('leaves out pods that are going, and counts a node once', () => {
    const going = onNode('b', running, running, { name: 'old', ...deletedAt(0) })
    expect(shown([onNode('a', running, running), onNode('a', running, creating), going], 2)).to.include({
      nodes: '1/2 1/2',
    })
    expect(shown([onNode('a', running, running), onNode('b', running, running)], 1), 'a node came').to.include({
      nodes: '2/2 2/2',
    })
  })

  it('has the words of the registry when a pull fails, until it succeeds', () => {
    const message = `image one:1 cannot be pulled: ${words}`
    const failing = { nodes: '1/2 2/2', status: 'False', reason: 'ImagePull', message }
    const other = onNode('b', running, running)
    expect(shown([onNode('a', refused, running), other], 2)).to.deep.equal(failing)
    expect(shown([onNode('a', backOff, running), other], 2), 'in the pause').to.deep.equal(failing)
    const { images } = look([onNode('a', refused, running), other], 2)
    expect(images?.map((each) => each.message)).to.deep.equal([words, undefined])
    const before = { ...pool, status: look([onNode('a', refused, running), other], 2) }
    expect(look([onNode('a', backOff, running), other], 2, before)).to.deep.equal(before.status)
    const after = shown([onNode('a', running, running), other], 2, before)
    expect(after).to.include({ nodes: '2/2 2/2', status: 'True' })
  })

  it('keeps its message when a failure differs in numbers only', () => {
    const port = (number: number) => waits('ErrImagePull', `dial tcp 10.0.0.1:${number}: connection refused`)
    const before = { ...pool, status: look([onNode('a', port(4001), running)], 1) }
    expect(look([onNode('a', port(4002), running)], 1, before)).to.deep.equal(before.status)
  })

  it('says why there can be no pods', () => {
    const problem = { reason: 'AdmissionDenied', message: 'violates PodSecurity' } as const
    const { conditions } = statusWithImages(pool, { pods: [], desiredNodes: 0, problem }, at(0))
    expect(conditions?.[0]).to.deep.include({
      type: 'ImagesPulled',
      status: 'False',
      ...problem,
      observedGeneration: 1,
    })
  })

  it('keeps the rest of the status, and loses all of this with the wish', () => {
    const ready = { type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: '' } as const
    const known = { ...pool, status: { running: 1, conditions: [ready] } }
    const status = look([onNode('a', running, running)], 1, known)
    expect(status).to.deep.include({ running: 1 })
    expect(status.conditions?.map(({ type }) => type)).to.deep.equal(['Ready', 'ImagesPulled'])
    expect(statusWithoutImages({ ...pool, status })).to.deep.equal(known.status)
    expect(statusWithoutImages(pool)).to.deep.equal({})
  })
})
