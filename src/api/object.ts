/** The metadata of a Kubernetes object as raw JSON: timestamps stay RFC 3339 strings. */
export interface ObjectMeta {
  name: string
  namespace?: string
  uid: string
  resourceVersion: string
  generation?: number
  creationTimestamp: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** An object as the API server returns it. Items of a list and of a cache may lack apiVersion and kind. */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

/** A standard condition; lastTransitionTime changes with status or reason. */
export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
  lastTransitionTime: string
  observedGeneration?: number
}

/** An object before the API server has seen it: no uid, resourceVersion or creationTimestamp yet. */
export type NewObject<T extends KubeObject> = Omit<T, 'metadata' | 'status'> & {
  apiVersion: string
  kind: string
  metadata: Partial<ObjectMeta> & { name: string }
}

/** One resource type of an API group. `T` is the type of its objects. */
export interface Resource<T extends KubeObject = KubeObject> {
  group: string
  version: string
  plural: string
  kind: string
  /** Never set: it only carries the type of the objects. */
  readonly objects?: T
}

/** `namespace/name`, the key of caches and queues. */
export function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

/** The owner reference that marks its holder as controlled by `owner`. */
export function controllerRef(resource: Resource, owner: KubeObject): OwnerReference {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
  const { name, uid } = owner.metadata
  return { apiVersion, kind: resource.kind, name, uid, controller: true, blockOwnerDeletion: true }
}

/** The reference to the object that controls this one, if any does. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true)
}

/** The UID of the object that controls this one, if any does. */
export function controllerUid(object: KubeObject): string | undefined {
  return controllerOf(object)?.uid
}
