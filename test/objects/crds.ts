import type { KubeObject, Resource } from '../../src/api/object.ts'
import type { Schema } from '../../src/api/schema.ts'
import { ApiError } from '../../src/kube/client/errors.ts'
import { parseObject } from '../../src/kube/client/parse.ts'
import { resourcePath } from '../../src/kube/client/resource-path.ts'
import { openCluster, type TestCluster } from '../processes/cluster.ts'
import { command } from '../processes/command.ts'

/** A namespace on an API server with the definitions of `crds/`. */
export async function openWithCrds(): Promise<CrdSite> {
  return new CrdSite(await openCluster())
}

export class CrdSite {
  readonly cluster: TestCluster
  readonly #signal = new AbortController().signal

  constructor(cluster: TestCluster) {
    this.cluster = cluster
  }

  kubectl(...args: string[]): Promise<string> {
    const { kubeconfig, namespace } = this.cluster
    return command('kubectl', '--kubeconfig', kubeconfig, '--namespace', namespace, ...args)
  }

  async create<T extends KubeObject>(resource: Resource<T>, manifest: Manifest): Promise<T> {
    const path = resourcePath(resource, this.cluster.namespace)
    return parseObject(resource, await this.#send('POST', path, this.#whole(resource, manifest)))
  }

  get<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T> {
    return this.cluster.client.get(resource, { namespace: this.cluster.namespace, name }, this.#signal)
  }

  /** The dry-run result of a create: the stored object, or the message of the rejection. */
  tryCreate(resource: Resource, manifest: Manifest): Promise<Verdict> {
    return this.#try('POST', resourcePath(resource, this.cluster.namespace), this.#whole(resource, manifest))
  }

  /** The dry-run result of a PUT of this object, or of its status. */
  tryReplace(resource: Resource, object: Manifest, subresource?: 'status'): Promise<Verdict> {
    const path = resourcePath(resource, this.cluster.namespace, object.metadata.name, subresource)
    return this.#try('PUT', path, this.#whole(resource, object))
  }

  /** Replaces the status, as an operator does. */
  async putStatus<T extends KubeObject>(resource: Resource<T>, object: T, status: object): Promise<T> {
    const path = resourcePath(resource, this.cluster.namespace, object.metadata.name, 'status')
    return parseObject(resource, await this.#send('PUT', path, this.#whole(resource, { ...object, status })))
  }

  async #try(method: string, path: string, body: object): Promise<Verdict> {
    try {
      return { is: 'accepted', object: await this.#send(method, path, body, { dryRun: 'All' }) }
    } catch (error) {
      if (error instanceof ApiError && error.code === 422) return { is: 'refused', message: error.message }
      throw error
    }
  }

  #send(method: string, path: string, body: object, query: Record<string, string> = {}): Promise<unknown> {
    return this.cluster.client.request(method, path, { query, body }, this.#signal)
  }

  #whole({ group, version, kind }: Resource, manifest: Manifest): object {
    return { ...manifest, apiVersion: `${group}/${version}`, kind }
  }
}

/** An object to be sent, valid or not. */
export interface Manifest {
  metadata: { name: string }
  spec?: unknown
  status?: unknown
}

export type Verdict = { is: 'accepted'; object: unknown } | { is: 'refused'; message: string }

/** One property, or the items of a list, somewhere in a schema. `path` leads to it; items are under 0. */
export interface Place {
  path: (string | number)[]
  schema: Schema
  isRequired: boolean
}

/** Every property and every list's items below a schema. */
export function placesIn(schema: Schema, path: (string | number)[] = []): Place[] {
  const properties = Object.entries(schema.properties ?? {}).map(([name, child]): Place => {
    return { path: [...path, name], schema: child, isRequired: schema.required?.includes(name) ?? false }
  })
  const items: Place[] =
    schema.items === undefined ? [] : [{ path: [...path, 0], schema: schema.items, isRequired: false }]
  return [...properties, ...items].flatMap((place) => [place, ...placesIn(place.schema, place.path)])
}

/** A copy of a JSON value with another value at the path; undefined removes it. */
export function withAt(root: unknown, [step, ...rest]: (string | number)[], value: unknown): unknown {
  if (step === undefined) return value
  if (Array.isArray(root))
    return root.map((item: unknown, index) => (index === step ? withAt(item, rest, value) : item))
  const child: unknown = typeof root === 'object' && root !== null ? Reflect.get(root, step) : undefined
  const next = withAt(child, rest, value)
  const others = Object.entries(root ?? {}).filter(([key]) => key !== step)
  return Object.fromEntries(next === undefined ? others : [...others, [step, next]])
}

/** The value at a path, if there is one. */
export function valueAt(root: unknown, path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
    root,
  )
}
