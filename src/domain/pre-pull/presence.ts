import type { ContainerStatus, Pod } from '../../api/pod.ts'
import type { ImagePresence, RunnerPool, RunnerPoolStatus } from '../../api/runner-pool.ts'
import type { PoolReason } from '../../api/reasons.ts'
import { shorten, withCondition, withoutCondition } from '../conditions.ts'
import { pullTroubleOf } from '../pod/waiting.ts'
import { steadyMessage } from '../steady-message.ts'
import { imagesOf } from './images.ts'

/** Type of the pool's condition about its images. */
export const IMAGES_PULLED = 'ImagesPulled'

/** Why the images of a pool cannot be kept on its nodes at all. */
export interface PrePullProblem {
  reason: PoolReason
  message: string
}

/** The images of containers that a pod has on its node, and why it lacks others; by the name of the container. */
export interface HeldImages {
  present: string[]
  troubles: Record<string, string>
}

/** What the status of one pod says about its images. */
export function heldImages({ status }: Pod): HeldImages {
  const containers = status?.containerStatuses ?? []
  const troubles = containers.flatMap((container) => {
    const trouble = pullTroubleOf(container)
    return trouble === undefined ? [] : [[container.name, trouble] as const]
  })
  return { present: containers.filter(isPresent).map(({ name }) => name), troubles: Object.fromEntries(troubles) }
}

/** A container gets its image first. Whatever goes wrong after that, the image is there. */
function isPresent(container: ContainerStatus): boolean {
  const { imageID = '', state = {} } = container
  if (imageID !== '' || state.running !== undefined || state.terminated !== undefined) return true
  const reason = state.waiting?.reason ?? ''
  return afterPull.has(reason)
}

const afterPull = new Set([
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'StartError',
])

/** What is known about the images of a pool. */
export interface PrePullView {
  /** The pods that keep them. */
  pods: readonly Pod[]
  /** How many nodes are to have such a pod. */
  desiredNodes: number
  problem?: PrePullProblem | undefined
}

/** The status of a pool that wants its images on its nodes, with where they are. */
export function statusWithImages(pool: RunnerPool, view: PrePullView, now: Date): RunnerPoolStatus {
  const held = view.pods
    .filter(({ metadata, spec }) => metadata.deletionTimestamp === undefined && spec.nodeName !== undefined)
    .map((pod) => ({ node: pod.spec.nodeName, ...heldImages(pod) }))
  const desiredNodes = Math.max(view.desiredNodes, new Set(held.map(({ node }) => node)).size)
  const images = imagesOf(pool).map(({ image, container }): ImagePresence => {
    const nodes = new Set(held.filter(({ present }) => present.includes(container)).map(({ node }) => node)).size
    const failing = held.flatMap(({ troubles }) => troubles[container] ?? []).toSorted()
    const known = pool.status?.images?.find((each) => each.image === image)?.message
    const [trouble] = failing
    const message = trouble === undefined ? undefined : steadyTrouble(known, shorten(trouble))
    return { image, nodes, desiredNodes, ...(message !== undefined && { message }) }
  })
  const generation = pool.metadata.generation ?? 1
  const condition = { type: IMAGES_PULLED, ...conditionOf(images, view.problem), observedGeneration: generation }
  return { ...pool.status, images, conditions: withCondition(pool.status?.conditions, condition, now) }
}

/** The known trouble, if the new one differs in numbers only. */
function steadyTrouble(known: string | undefined, trouble: string): string {
  const head = 'trouble: '
  return steadyMessage(known === undefined ? undefined : head + known, head + trouble).slice(head.length)
}

/** The status of a pool that does not want it any more. */
export function statusWithoutImages({ status }: RunnerPool): RunnerPoolStatus {
  const { images: _, conditions, ...rest } = status ?? {}
  return { ...rest, ...(conditions !== undefined && { conditions: withoutCondition(conditions, IMAGES_PULLED) }) }
}

interface Verdict {
  status: 'True' | 'False'
  reason: PoolReason
  message: string
}

function conditionOf(images: readonly ImagePresence[], problem: PrePullProblem | undefined): Verdict {
  if (problem !== undefined) return { status: 'False', reason: problem.reason, message: shorten(problem.message) }
  const failing = images.find(({ message }) => message !== undefined)
  if (failing !== undefined) {
    const message = shorten(`image ${failing.image} cannot be pulled: ${failing.message}`)
    return { status: 'False', reason: 'ImagePull', message }
  }
  const missing = images.find(({ nodes, desiredNodes }) => nodes < desiredNodes)
  if (missing !== undefined) {
    return { status: 'False', reason: 'Pulling', message: `image ${missing.image} is not yet on every node` }
  }
  return { status: 'True', reason: 'Pulled', message: 'every node of the pool has its images' }
}
