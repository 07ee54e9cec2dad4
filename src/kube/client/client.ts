import type { Readable } from 'node:stream'
import type { KubeObject, NewObject, Resource } from '../../api/object.ts'
import { parseWatchEvent, type WatchEvent, watchLines } from '../cache/watch.ts'
import type { Connection } from '../connection/connection.ts'
import type { WriteGuard } from '../election/write-guard.ts'
import { normaliseError } from './exchange.ts'
import { type ListPage, parseList, parseObject } from './parse.ts'
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
  /** Delete only this incarnation; another one under the name is a Conflict. */
  uid?: string
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  gracePeriodSeconds?: number
}

export interface RequestOptions {
  query?: Record<string, string>
  body?: unknown
  contentType?: string
}

/**
 * The API server, over one pool of connections for requests and others for watches and streams. Every call ends with
 * its signal. Answers that are no success are an ApiError, no answer is Unreachable. After a 401 the credentials are
 * read again and the request is sent once more. A 429 with Retry-After was not processed: reads wait it out (as 503)
 * for as long as their signal allows, writes a bounded number of times. Nothing else is repeated.
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

  async create<T extends KubeObject>(resource: Resource<T>, object: NewObject<T>, signal: AbortSignal): Promise<T> {
    const path = resourcePath(resource, object.metadata.namespace)
    return parseObject(resource, await this.request('POST', path, { body: object }, signal))
  }

  /** Fails as a create would, and creates nothing. (What the API server answers is no stored object: no version.) */
  async dryRunCreate<T extends KubeObject>(
    resource: Resource<T>,
    object: NewObject<T>,
    signal: AbortSignal,
  ): Promise<void> {
    const path = resourcePath(resource, object.metadata.namespace)
    await this.request('POST', path, { query: { dryRun: 'All' }, body: object }, signal)
  }

  /** Fails with Conflict when the object has changed since the version that it carries. */
  async replace<T extends KubeObject>(resource: Resource<T>, object: T, signal: AbortSignal): Promise<T> {
    const path = resourcePath(resource, object.metadata.namespace, object.metadata.name)
    return parseObject(resource, await this.request('PUT', path, { body: named(resource, object) }, signal))
  }

  /** As replace, for the status alone. */
  async replaceStatus<T extends KubeObject>(resource: Resource<T>, object: T, signal: AbortSignal): Promise<T> {
    const path = resourcePath(resource, object.metadata.namespace, object.metadata.name, 'status')
    return parseObject(resource, await this.request('PUT', path, { body: named(resource, object) }, signal))
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

  /** All options go as query parameters: a DELETE with a body costs its connection. */
  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<void> {
    await this.request('DELETE', pathOf(resource, key), { query: textOf(options) }, signal)
  }

  /**
   * The events of one watch, in order and as many at a time as came together, until the server ends it; whatever breaks
   * it is thrown. `onContact` is called for every sign of life, be it half a line.
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

  /** A body as it comes, without a limit on silence: only the signal ends the wait. */
  stream(path: string, query: Record<string, string>, signal: AbortSignal): Promise<Readable> {
    return this.#requests.stream({ method: 'GET', path, query }, signal)
  }

  /** Any request; the answer's JSON. */
  request(method: string, path: string, options: RequestOptions, signal: AbortSignal): Promise<unknown> {
    return this.#requests.send({ method, path, ...options }, signal)
  }

  /**
   * A view on the same connections that checks the guard for every request immediately before it is written to the
   * socket, and aborts what is under way at the guard's deadline. Such calls end with LeaseLost.
   */
  guarded(guard: WriteGuard): KubeClient {
    return new KubeClient(this.#connection, this.#options, this.#requests.guarded(guard))
  }

  /** Ends watches and streams at once and requests when they are answered. A guarded view closes its client with it. */
  close(): Promise<void> {
    return this.#requests.close()
  }
}

function pathOf<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, subresource?: string): string {
  return resourcePath(resource, key.namespace, key.name, subresource)
}

/** Items of lists and caches lack apiVersion and kind, which a PUT must have. */
function named<T extends KubeObject>(resource: Resource<T>, object: T): T {
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
