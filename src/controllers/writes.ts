import { OUTCOME_FINALIZER } from '../api/names.ts'
import { keyOf, type KubeObject, type NewObject, type Resource } from '../api/object.ts'
import { type Pod, pods } from '../api/pod.ts'
import type { Caches } from '../cluster/caches.ts'
import { ENDING_DEADLINE_SECONDS } from '../domain/pod/state.ts'
import type { Store } from '../kube/cache/store.ts'
import type { KubeClient, WriteOptions } from '../kube/client/client.ts'
import { AlreadyExists, ApiError, Conflict, Forbidden, Invalid, NotFound, RetryLater } from '../kube/client/errors.ts'
import { splitKey } from '../kube/client/resource-path.ts'
import { ofThisObject, removeFinalizer, withoutFinalizer } from '../kube/client/finalizer.ts'

/** How long to wait for the removal of an earlier object of the same name, if no event reports it. */
const NAMESAKE_CHECK_MS = 1000

/** Options of pod creates: the API server drops no field of a template. */
export const asWritten: WriteOptions = { fieldValidation: 'Strict' }

/** Options of writes of our own kinds, whose objects the compiler has checked. */
export const asTyped: WriteOptions = { fieldValidation: 'Ignore' }

/**
 * Creates an object whose name derives from its owner. If it already exists and `isOurs` holds, it comes from an earlier
 * create whose response was lost. Otherwise another object has the name and has to be deleted first (RetryLater).
 */
export async function createOnce<T extends KubeObject>(
  kind: { client: KubeClient; store: Store<T>; resource: Resource<T>; options: WriteOptions },
  object: NewObject<T>,
  isOurs: (existing: T) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const { client, store, resource, options } = kind
  try {
    store.applyOwn(await client.create(resource, object, signal, options))
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error
    const key = { namespace: object.metadata.namespace ?? '', name: object.metadata.name }
    const existing = await client.get(resource, key, signal)
    if (!isOurs(existing))
      throw new RetryLater(NAMESAKE_CHECK_MS, `${resource.kind} ${key.name} of an earlier job is still there`)
    store.applyOwn(existing)
  }
}

/** Writes a status by PUT with the cached resourceVersion. After a conflict it updates the cache. */
export async function writeStatus<T extends KubeObject & { status?: unknown }>(
  { client, store, resource }: { client: KubeClient; store: Store<T>; resource: Resource<T> },
  object: T,
  signal: AbortSignal,
): Promise<T> {
  try {
    const written = await client.replaceStatus(resource, object, signal, asTyped)
    store.applyOwn(written)
    return written
  } catch (error) {
    if (error instanceof Conflict) store.applyOwn(await client.get(resource, splitKey(keyOf(object)), signal))
    throw error
  }
}

/** Removes our finalizer from a pod. */
export async function releasePod(client: KubeClient, caches: Caches, pod: Pod, signal: AbortSignal): Promise<void> {
  try {
    const released = await removeFinalizer(client, pods, pod, OUTCOME_FINALIZER, signal)
    if (released !== undefined) caches.pods.applyOwn(released)
  } catch (error) {
    // The list of finalizers has changed: read the pod again.
    if (error instanceof Invalid) caches.pods.applyOwn(await client.get(pods, splitKey(keyOf(pod)), signal))
    throw error
  }
}

/**
 * Ends the pod of a finished job: the deadline makes the kubelet stop the remaining containers and keep the logs, and
 * the same write removes our finalizer. If the API server rejects the change, because of a policy or because the pod has
 * changed, the pod is released and deleted, so that its slot becomes free.
 */
export async function expirePod(client: KubeClient, caches: Caches, pod: Pod, signal: AbortSignal): Promise<void> {
  if (await giveDeadline(client, caches, { pod, release: true }, signal)) return
  await releasePod(client, caches, pod, signal)
  await deleteObject(client, pods, pod, signal)
}

/**
 * Stops a pod whose job was cancelled: at its deadline the kubelet gives it its grace period, and keeps its logs. Our
 * finalizer stays until the outcome is stored. Where the change is refused, the pod is deleted, with the same grace.
 */
export async function cancelPod(client: KubeClient, caches: Caches, pod: Pod, signal: AbortSignal): Promise<void> {
  if (await giveDeadline(client, caches, { pod, release: false }, signal)) return
  await deleteObject(client, pods, pod, signal)
}

/** Returns whether the pod has the deadline, or is gone; not where the change is refused. */
async function giveDeadline(
  client: KubeClient,
  caches: Caches,
  { pod, release }: { pod: Pod; release: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = { op: 'add', path: '/spec/activeDeadlineSeconds', value: ENDING_DEADLINE_SECONDS } as const
  const patch = [...ofThisObject(pod), ...(release ? withoutFinalizer(pod, OUTCOME_FINALIZER) : []), deadline]
  try {
    caches.pods.applyOwn(await client.patchJson(pods, splitKey(keyOf(pod)), patch, signal))
    return true
  } catch (error) {
    if (error instanceof NotFound) return true
    if (!isRefusal(error)) throw error
    return false
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Invalid || error instanceof Forbidden || (error instanceof ApiError && error.code === 400)
}

/** Deletes this very object; does nothing if it is gone or was replaced. */
export async function deleteObject<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: T,
  signal: AbortSignal,
): Promise<void> {
  const options = { uid: object.metadata.uid, propagationPolicy: 'Background' } as const
  try {
    await client.delete(resource, splitKey(keyOf(object)), options, signal)
  } catch (error) {
    if (!(error instanceof NotFound || error instanceof Conflict)) throw error
  }
}
