import type { Readable } from 'node:stream'
import type { KubeObject, NewObject, Resource } from '../../api/object.ts'
import { parseWatchEvent, type WatchEvent, watchLines } from '../cache/watch.ts'
import type { Connection } from '../connection/connection.ts'
import type { WriteGuard } from '../election/write-guard.ts'
import { NotFound } from './errors.ts'
import { normaliseError } from './exchange.ts'
import { asObject, type ListPage, parseList, parseObject } from './parse.ts'
import { type ClientOptions, createState, Requests } from './requests.ts'
import { type ObjectKey, resourcePath } from './resource-path.ts'

export interface ListOptions {
  labelSelector?: string
  fieldSelector?: string
  limit?: number
  continue?: string
  resourceVersion?: string
  resourceVersionMatch?: string
}

export interface WatchOptions {
  labelSelector?: string
  fieldSelector?: string
  resourceVersion?: string
  resourceVersionMatch?: string
  sendInitialEvents?: boolean
  allowWatchBookmarks?: boolean
  timeoutSeconds?: number
}

export type JsonPatch = readonly { op: 'test' | 'add' | 'remove' | 'replace'; path: string; value?: unknown }[]

export interface DeleteOptions {
  /** Delete only the object with this uid; another one under the name is a Conflict. */
  uid?: string
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  gracePeriodSeconds?: number
}

/** How the API server takes an object. */
export interface WriteOptions {
  /**
   * Strict: a field that the kind does not have is an error (400) that names its path. Without it the field is dropped,
   * with a warning; Ignore saves the server the search for such fields.
   */
  fieldValidation?: 'Strict' | 'Ignore'
}

export interface RequestOptions {
  query?: Record<string, string>
  body?: unknown
  contentType?: string
  accept?: string
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const METADATA_OF_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

/**
 * A client of the API server, with one connection pool for requests and others for watches and streams. Every call ends
 * with its signal. An error response throws an ApiError, a missing response Unreachable. After a 401 the credentials
 * are reloaded and the request is sent once more. A 429 with Retry-After was not processed: a read retries it (as a
 * 503) until its signal aborts, a write a bounded number of times. Nothing else is retried.
 */
export class KubeClient {
  readonly #connection: Connection
  readonly #options: ClientOptions
  readonly #requests: Requests

  constructor(
    connection: Connection,
    options: ClientOptions,
    requests = new Requests(createState(connection, options)),
  ) {
    this.#connection = connection
    this.#options = options
    this.#requests = requests
  }

  async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal: AbortSignal): Promise<T> {
    return parseObject(resource, await this.request('GET', pathOf(resource, key), {}, signal))
  }

  /** As get; undefined if the object does not exist. */
  async find<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await this.get(resource, key, signal)
    } catch (error) {
      if (error instanceof NotFound) return undefined
      throw error
    }
  }

  async listPage<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    return parseList(
      resource,
      await this.request('GET', resourcePath(resource, namespace), { query: textOf(options) }, signal),
    )
  }

  /** Like listPage, without the contents of the objects. */
  async listMetadataPage(
    resource: Resource,
    namespace: string | undefined,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ListPage<KubeObject>> {
    const request = { query: textOf(options), accept: METADATA_OF_LIST }
    const list = asObject(await this.request('GET', resourcePath(resource, namespace), request, signal))
    // An empty list of metadata has no items.
    return parseList(resource, { ...list, items: list['items'] ?? [] })
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: NewObject<T>,
    signal: AbortSignal,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = resourcePath(resource, object.metadata.namespace)
    return parseObject(resource, await this.request('POST', path, { query: textOf(options), body: object }, signal))
  }

  /** Like create, for an object that must not come back: the response holds only its metadata. */
  async createUnread<T extends KubeObject>(
    resource: Resource<T>,
    object: NewObject<T>,
    signal: AbortSignal,
  ): Promise<void> {
    const path = resourcePath(resource, object.metadata.namespace)
    await this.request('POST', path, { body: object, accept: METADATA_ONLY }, signal)
  }

  /** Fails as a create would, and creates nothing. (The response is no stored object: it has no resourceVersion.) */
  async dryRunCreate<T extends KubeObject>(
    resource: Resource<T>,
    object: NewObject<T>,
    signal: AbortSignal,
    options: WriteOptions = {},
  ): Promise<void> {
    const path = resourcePath(resource, object.metadata.namespace)
    await this.request('POST', path, { query: { dryRun: 'All', ...textOf(options) }, body: object }, signal)
  }

  /** Fails with Conflict if the object has changed since its resourceVersion. */
  async replace<T extends KubeObject>(resource: Resource<T>, object: T, signal: AbortSignal): Promise<T> {
    const path = resourcePath(resource, object.metadata.namespace, object.metadata.name)
    return parseObject(resource, await this.request('PUT', path, { body: named(resource, object) }, signal))
  }

  /**
   * Like `replace`, for the status of a custom resource. It sends only the status and what identifies the object: the API
   * server keeps the rest, and would decode and check it for nothing. (Built-in kinds take labels from a status write.)
   */
  async replaceStatus<T extends KubeObject & { status?: unknown }>(
    resource: Resource<T>,
    object: T,
    signal: AbortSignal,
    options: WriteOptions = {},
  ): Promise<T> {
    const { metadata, status } = object
    const { name, namespace, uid, resourceVersion } = metadata
    const identity = { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion }
    const body = named(resource, { metadata: identity, status })
    const path = resourcePath(resource, namespace, name, 'status')
    return parseObject(resource, await this.request('PUT', path, { query: textOf(options), body }, signal))
  }

  // oxlint-disable-next-line max-params -- the signal stays where every other call has it
  async patchJson<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: JsonPatch,
    signal: AbortSignal,
    subresource?: string,
  ): Promise<T> {
    const options = { body: patch, contentType: 'application/json-patch+json' }
    return parseObject(resource, await this.request('PATCH', pathOf(resource, key, subresource), options, signal))
  }

  // oxlint-disable-next-line max-params -- the signal stays where every other call has it
  async patchMerge<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    body: unknown,
    signal: AbortSignal,
    subresource?: string,
  ): Promise<T> {
    const options = { body, contentType: 'application/merge-patch+json' }
    return parseObject(resource, await this.request('PATCH', pathOf(resource, key, subresource), options, signal))
  }

  /** Sends all options as query parameters: a DELETE with a body costs its connection. */
  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<void> {
    await this.request('DELETE', pathOf(resource, key), { query: textOf(options) }, signal)
  }

  /**
   * Yields the events of one watch in order, those that arrive together as one array, until the server ends it. Throws
   * on every failure. `onContact` is called for every received chunk, even half a line.
   */
  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    options: WatchOptions & { onContact?: () => void },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>[], void, undefined> {
    const { onContact, ...query } = options
    const body = await this.stream(resourcePath(resource, namespace), { ...textOf(query), watch: 'true' }, signal)
    onContact?.()
    try {
      for await (const lines of watchLines(body, onContact)) yield lines.map((line) => parseWatchEvent(resource, line))
    } catch (error) {
      throw normaliseError(error, signal)
    }
  }

  /** Streams a response body without an idle timeout: only the signal ends the wait. */
  stream(path: string, query: Record<string, string>, signal: AbortSignal): Promise<Readable> {
    return this.#requests.stream({ method: 'GET', path, query }, signal)
  }

  /** Sends any request and returns the JSON of the response. */
  request(method: string, path: string, options: RequestOptions, signal: AbortSignal): Promise<unknown> {
    return this.#requests.send({ method, path, ...options }, signal)
  }

  /**
   * A view on the same connections that checks the guard for every request immediately before it is written to the
   * socket, and aborts open requests at the guard's deadline. Such calls fail with LeaseLost. Writes also wait until the
   * guard admits them.
   */
  guarded(guard: WriteGuard): KubeClient {
    return new KubeClient(this.#connection, this.#options, this.#requests.guarded(guard))
  }

  /** Ends watches and streams at once, and requests after their response. Closing a guarded view closes its client. */
  close(): Promise<void> {
    return this.#requests.close()
  }
}

function pathOf<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, subresource?: string): string {
  return resourcePath(resource, key.namespace, key.name, subresource)
}

/** Items of lists and caches lack apiVersion and kind, which a PUT must have. */
function named<T extends object>(resource: Resource, object: T): T & { apiVersion: string; kind: string } {
  const { group, version, kind } = resource
  return { ...object, apiVersion: group === '' ? version : `${group}/${version}`, kind }
}

function textOf(options: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  )
}
