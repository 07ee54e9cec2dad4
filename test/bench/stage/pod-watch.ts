import { pods } from '../../../src/api/pod.ts'
import { watchLines } from '../../../src/kube/cache/watch.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { eventually } from '../../observe/eventually.ts'
import { BareClient } from './bare-client.ts'
import type { Place } from './place.ts'
import type { Stage } from './stage.ts'

const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

/**
 * A third party that watches the metadata of pods. For the controller of each it records when its pod appears, by this
 * process's monotonic clock.
 */
export class PodWatch {
  readonly #client: BareClient
  readonly #end = new AbortController()
  readonly #seenAt = new Map<string, number>()
  readonly #namespace: string
  #version = '0'

  constructor({ server, ca }: Stage, { namespace, token }: Place) {
    this.#client = new BareClient({ server, ca, token, userAgent: 'runnerhub-bench-watch' })
    this.#namespace = namespace
  }

  /** Resolves when the watch is open: no later pod is missed. */
  async start(): Promise<void> {
    const body = await this.#open('0')
    void this.#follow(body).catch((error: unknown) => {
      if (!this.#end.signal.aborted) console.error('the watch of pods broke:', error)
    })
  }

  #open(version: string): Promise<AsyncIterable<Uint8Array>> {
    const path = `${resourcePath(pods, this.#namespace)}?watch=1&resourceVersion=${version}`
    return this.#client.stream(path, metadataOnly, this.#end.signal)
  }

  /** The API server ends a watch that does not keep up. The next one goes on from there: what is late counts as late. */
  async #follow(first: AsyncIterable<Uint8Array>): Promise<void> {
    for (let body = first; ; body = await this.#open(this.#version)) await this.#read(body)
  }

  get count(): number {
    return this.#seenAt.size
  }

  /** How long after these times the pods of these controllers were seen: 0 if a pod was seen earlier. */
  async untilSeen(since: ReadonlyMap<string, number>): Promise<number[]> {
    const all = (): boolean => [...since.keys()].every((controller) => this.#seenAt.has(controller))
    await eventually(all, { withinMs: 60_000, what: `${since.size} pods are seen` })
    return this.seen(since)
  }

  /** The same for those that were seen by now. */
  seen(since: ReadonlyMap<string, number>): number[] {
    return [...since].flatMap(([controller, at]) => {
      const seenAt = this.#seenAt.get(controller)
      return seenAt === undefined ? [] : [Math.max(0, seenAt - at)]
    })
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#client.close()
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const lines of watchLines(body)) {
      const now = performance.now()
      for (const { type, object } of lines.map((line) => asObject(JSON.parse(line)))) {
        const name = controllerName(object)
        // Versions that it may not go on from any more end in an error: then it begins with all pods.
        this.#version = type === 'ERROR' ? '0' : versionOf(object)
        if (type === 'ADDED' && !this.#seenAt.has(name)) this.#seenAt.set(name, now)
      }
    }
  }
}

function versionOf(object: unknown): string {
  return String(asObject(asObject(object)['metadata'])['resourceVersion'])
}

function controllerName(object: unknown): string {
  const { ownerReferences: owners } = asObject(asObject(object)['metadata'])
  return Array.isArray(owners) ? String(asObject(owners[0])['name']) : ''
}
