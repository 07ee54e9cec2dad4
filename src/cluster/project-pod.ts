import { CONTAINER_ANNOTATION } from '../api/names.ts'
import type { ContainerStatus, Pod } from '../api/pod.ts'
import { withoutContainers } from '../domain/pod/requests.ts'
import { needsClaim } from '../domain/pod/claims.ts'
import { onlyEnders } from '../domain/pod/kubelet-ends.ts'

/** Keeps only the fields that we read; a whole pod is about four times as big. */
export function projectPod(pod: Pod): Pod {
  const { metadata, spec, status } = pod
  const container = metadata.annotations?.[CONTAINER_ANNOTATION]
  return {
    metadata: {
      ...pick(metadata, ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'labels', 'finalizers']),
      ...pick(metadata, ['ownerReferences', 'deletionTimestamp', 'deletionGracePeriodSeconds']),
      ...(container !== undefined && { annotations: { [CONTAINER_ANNOTATION]: container } }),
    },
    spec: {
      ...pick(spec, ['nodeName', 'schedulingGates', 'activeDeadlineSeconds']),
      ...endersIn(spec),
      ...claimsIn(pod),
      ...(status?.phase === 'Pending' && pick(spec, ['imagePullSecrets'])),
      ...withoutContainers(spec),
    },
    ...(status !== undefined && {
      status: {
        ...pick(status, ['phase', 'reason', 'message', 'startTime']),
        ...(status.conditions !== undefined && { conditions: status.conditions.filter(isRead).map(projectCondition) }),
        ...(status.initContainerStatuses !== undefined && {
          initContainerStatuses: status.initContainerStatuses.map(projectContainer),
        }),
        ...(status.containerStatuses !== undefined && {
          containerStatuses: status.containerStatuses.map(projectContainer),
        }),
      },
    }),
  }
}

/** Keeps only containers with a hook or a probe that may end them; few have one. */
function endersIn(spec: Pod['spec']): { containers?: object[] } {
  const containers = onlyEnders(spec)
  return containers.length === 0 ? {} : { containers }
}

/** The claims that a pod needs, until it has a node. */
function claimsIn({ spec }: Pod): Pick<Pod['spec'], 'volumes' | 'resourceClaims'> {
  if (spec.nodeName !== undefined) return {}
  const { volumes = [], resourceClaims = [] } = spec
  const claimed = volumes.filter(needsClaim).map(({ name, persistentVolumeClaim: claim }) => {
    return claim === undefined ? { name, ephemeral: {} } : { name, persistentVolumeClaim: pick(claim, ['claimName']) }
  })
  return {
    ...(claimed.length > 0 && { volumes: claimed }),
    ...(resourceClaims.length > 0 && { resourceClaims: resourceClaims.map((claim) => pick(claim, ['name'])) }),
  }
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  const picked: Partial<T> = {}
  for (const key of keys) if (from[key] !== undefined) picked[key] = from[key]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is missing here was missing in `from` too
  return picked as Pick<T, K>
}

type Condition = NonNullable<NonNullable<Pod['status']>['conditions']>[number]

function isRead({ type, status }: Condition): boolean {
  if (type === 'PodScheduled') return true
  return type === 'DisruptionTarget' || (type === 'PodReadyToStartContainers' && status === 'True')
}

function projectCondition(condition: Condition): Condition {
  const { type, status } = condition
  if (type === 'PodScheduled' && status === 'True') return pick(condition, ['type', 'status', 'lastTransitionTime'])
  const time = type === 'DisruptionTarget' ? (['lastTransitionTime'] as const) : []
  return pick(condition, ['type', 'status', 'reason', 'message', ...time])
}

function projectContainer(status: ContainerStatus): ContainerStatus {
  return pick(status, ['name', 'image', 'containerID', 'restartCount', 'started', 'state', 'lastState'])
}
