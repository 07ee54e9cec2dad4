import type { ContainerStatus, Pod } from '../api/pod.ts'

/** Keeps only what shows which images a pod has on its node. */
export function projectPrePullPod({ metadata, spec, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, creationTimestamp, labels, deletionTimestamp } = metadata
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    spec: { ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }) },
    ...(status?.containerStatuses !== undefined && {
      status: { containerStatuses: status.containerStatuses.map(projectContainer) },
    }),
  }
}

function projectContainer({ name, image, imageID, state }: ContainerStatus): ContainerStatus {
  return {
    name,
    ...(image !== undefined && { image }),
    ...(imageID !== undefined && { imageID }),
    ...(state !== undefined && { state }),
  }
}
