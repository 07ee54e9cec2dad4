import { expect } from 'chai'
import type { Pod } from '../../../../src/api/pod.ts'
import { NamespaceEnd } from '../../../../src/controllers/pod/namespace-end.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { deferred } from '../../../../src/kube/runtime/signals.ts'
import { aJob, aPod, aRunner, deletedAt } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { type TappedRequest, WireTap } from '../../../observe/wire-tap.ts'

/** Two pages of pods, a namespace that a test deletes, and an automatic clock. */
class Scene {
  readonly stores = new FilledCaches()
  readonly released: string[] = []
  readonly ended = deferred<void>()
  readonly stop = new AbortController()
  readonly end: NamespaceEnd
  namespace: 'standing' | 'terminating' | 'unreadable' | 'gone' = 'standing'
  held = ['first', 'second']
  readonly #clock = new HandClock()
  readonly #tap: WireTap
  readonly #client: KubeClient
  readonly #running: Promise<void>
  #answered = 1

  /** Its client already has a connection: opening one takes longer than the automatic clock allows. */
  static async open(): Promise<Scene> {
    const tap = await WireTap.open()
    const client = new KubeClient(tap.connection(), { userAgent: 'test' })
    const first = client.request('GET', '/livez', {}, new AbortController().signal)
    const [request] = await eventually(() => (tap.requests.length > 0 ? tap.requests : undefined), {
      what: 'a request',
    })
    request?.answer(200, {})
    await first
    return new Scene(tap, client)
  }

  private constructor(tap: WireTap, client: KubeClient) {
    this.#tap = tap
    this.#client = client
    const { caches, log } = this.stores
    this.end = new NamespaceEnd({ client: this.#client, caches, namespace: 'ns', clock: this.#clock, log })
    this.#running = this.end.run(this.ended.promise, this.stop.signal)
  }

  /** Deletes a pod with our finalizer. */
  deletePod(job = 'job'): void {
    this.stores.putPod(aPod({ runner: aRunner({ job: aJob({ metadata: { name: job } }) }), metadata: deletedAt(1) }))
  }

  /** Responds to requests and moves the clock until a condition holds. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const step = async (): Promise<boolean> => {
      const asked = this.#tap.requests.slice(this.#answered)
      this.#answered += asked.length
      for (const request of asked) request.answer(...this.#answerTo(request))
      if (!condition()) await this.#clock.advance(20)
      return condition()
    }
    await eventually(step, { what, withinMs: 30_000, everyMs: 1 })
  }

  async stopped(): Promise<void> {
    let isOver = false
    this.stop.abort(new Error('SIGTERM'))
    void this.#running.then(() => (isOver = true))
    await this.until('it to stop', () => isOver)
  }

  async close(): Promise<void> {
    this.stop.abort()
    await this.#client.close()
    await this.#tap.close()
  }

  /** The warnings in the log. */
  get warnings(): string[] {
    return this.stores.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
  }

  #answerTo({ method, url }: TappedRequest): [status: number, body: unknown] {
    const { pathname, searchParams } = new URL(url, 'https://api')
    if (!pathname.includes('/pods')) return this.#namespaceAnswer()
    if (method === 'PATCH') return [200, this.#release(pathname.split('/').at(-1) ?? '')]
    const page = searchParams.get('continue') === 'second' ? 'second' : 'first'
    const next = page === 'first' ? { continue: 'second' } : {}
    return [200, { metadata: { resourceVersion: '1', ...next }, items: [this.#pod(page)] }]
  }

  #namespaceAnswer(): [status: number, body: unknown] {
    const metadata = { name: 'ns', resourceVersion: '1', uid: 'uid' }
    if (this.namespace === 'unreadable') return [403, { code: 403, reason: 'Forbidden', message: 'no' }]
    if (this.namespace === 'gone') return [404, { code: 404, reason: 'NotFound', message: 'no' }]
    return [200, { metadata: { ...metadata, ...(this.namespace === 'terminating' && deletedAt(1)) } }]
  }

  #release(name: string): Pod {
    this.released.push(name)
    this.held = this.held.filter((each) => each !== name)
    return this.#pod(name)
  }

  #pod(name: string): Pod {
    const pod = aPod({ metadata: deletedAt(1) })
    const { finalizers = [], ...metadata } = pod.metadata
    return { ...pod, metadata: { ...metadata, name, ...(this.held.includes(name) && { finalizers }) } }
  }
}

describe('the end of a namespace', () => {
  let scene: Scene
  beforeEach(async () => {
    scene = await Scene.open()
  })
  afterEach(() => scene.close())

  it('is noticed when a pod with our finalizer is deleted: all pods are released, on every page, also later ones', async () => {
    scene.namespace = 'terminating'
    scene.deletePod()
    await scene.until('both to be released', () => scene.released.length === 2)
    scene.held.push('first')
    await scene.until('the late one to be released', () => scene.released.length === 3)
    expect(scene.released).to.deep.equal(['first', 'second', 'first'])
  })

  it('pauses the work, which restarts in a namespace of the same name', async () => {
    const begun: AbortSignal[] = []
    const work = async (signal: AbortSignal): Promise<void> => {
      begun.push(signal)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    }
    const term = new AbortController()
    const done = scene.end.whileItStands(work, term.signal)
    scene.namespace = 'terminating'
    scene.deletePod()
    await scene.until('the work to pause', () => begun[0]?.aborted === true)
    // The deletion removes the rights too: an unreadable namespace is not active again.
    scene.namespace = 'unreadable'
    await scene.until('some time to pass', () => scene.held.length === 0)
    expect(begun).to.have.length(1)
    scene.namespace = 'gone'
    await scene.until('the work to restart', () => begun.length === 2)
    expect(begun[1]?.aborted).to.equal(false)
    term.abort(new Error('the leadership has ended'))
    await done
    expect(begun).to.have.length(2)
    expect(scene.warnings).to.deep.equal([])
  })

  it('is not assumed if the namespace is active or cannot be read, which is logged once', async () => {
    scene.deletePod()
    await scene.stopped()
    expect(scene.warnings).to.deep.equal([])
    expect(scene.released).to.deep.equal([])
    const other = await Scene.open()
    other.namespace = 'unreadable'
    other.deletePod('one')
    await other.until('the warning to be logged', () => other.warnings.length > 0)
    other.deletePod('two')
    await other.stopped()
    expect(other.warnings).to.deep.equal(['the operator may not read its namespace and will not notice its deletion'])
    expect(other.released).to.deep.equal([])
    await other.close()
  })

  it('is checked once more by a process that stops, which also releases its last pods', async () => {
    scene.namespace = 'terminating'
    let isOver = false
    const over = scene.stopped().then(() => (isOver = true))
    await scene.until('both to be released', () => scene.released.length === 2)
    expect(isOver).to.equal(false)
    scene.held.push('second')
    scene.ended.resolve()
    await over
    expect(scene.released).to.deep.equal(['first', 'second', 'second'])
  })

  it('does not keep a process from stopping in time if its last work hangs', async () => {
    scene.namespace = 'terminating'
    await scene.stopped()
    expect(scene.released).to.deep.equal(['first', 'second'])
    expect(scene.warnings).to.deep.equal(['the operator stops without knowing whether it still holds pods'])
  })
})
