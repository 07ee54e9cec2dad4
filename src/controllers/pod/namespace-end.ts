import { OUTCOME_FINALIZER } from '../../api/names.ts'
import { namespaces } from '../../api/namespace.ts'
import { isHeldPod, type Pod, pods } from '../../api/pod.ts'
import type { Caches } from '../../cluster/caches.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { Forbidden, Invalid, NotFound } from '../../kube/client/errors.ts'
import { removeFinalizer } from '../../kube/client/finalizer.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import { abortable, type Deferred, deferred, linkedAbortController, withTimeout } from '../../kube/runtime/signals.ts'

export interface NamespaceEndOptions {
  /** Not guarded by the Lease: every replica releases pods, leader or not. */
  client: KubeClient
  caches: { pods: Pick<Caches['pods'], 'onChange'> }
  namespace: string
  clock: Clock
  log: Log
}

/** Unknown without the right to read it. */
type NamespaceState = 'active' | 'terminating' | 'unknown'

/** Shortest time between two reads of the namespace. */
const AGAIN_MS = 1000
/** The same without the right to read it. */
const LATER_MS = 10_000
/** Time limit of a stopping process for the last read of its namespace. */
const ASK_MS = 2000
/** Time limit of a stopping process for releasing pods: its whole shutdown has ten seconds. */
const LAST_MS = 6000
/** Pods per page of a list. */
const PAGE = 500
/** Pods released concurrently. */
const AT_A_TIME = 32

const never = new AbortController().signal

/**
 * Releases all pods once their namespace is being deleted, and stops the work in it. Nobody reads an outcome after that,
 * nothing can be created, and the deletion waits for our finalizer, but not for an operator. Each replica does this,
 * leader or not, and once more when it stops.
 */
export class NamespaceEnd {
  readonly #options: NamespaceEndOptions
  #sign: Deferred<void> = deferred()
  /** Aborted while the namespace is being deleted. */
  #ending = new AbortController()
  #activeAgain: Deferred<void> = deferred()
  #mayRead = true

  constructor(options: NamespaceEndOptions) {
    this.#options = options
  }

  /** Requests a read of the namespace: there is a sign that it is being deleted. */
  suspect(): void {
    this.#sign.resolve()
  }

  /** Runs the work until the signal or until the work ends; pauses while the namespace is being deleted. */
  async whileItStands(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#ending.signal.aborted) await abortable(this.#activeAgain.promise, signal)
      const { signal: ending } = this.#ending
      const both = linkedAbortController(signal, ending)
      try {
        await work(both.signal)
      } catch (error) {
        if (signal.aborted || !ending.aborted) throw error
      } finally {
        both.release()
      }
      if (signal.aborted || !ending.aborted) return
    }
  }

  /**
   * Reads the namespace at every sign of its deletion, such as the deletion of a pod with our finalizer, until the
   * signal, and a last time after it. `ended` settles when this process will create no further pod.
   */
  async run(ended: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { caches, clock } = this.#options
    const stop = caches.pods.onChange(({ old, now }) => {
      if (isSign(now) && !isSign(old)) this.suspect()
    })
    while (!signal.aborted) {
      await abortable(this.#sign.promise, signal).catch(() => {})
      this.#sign = deferred()
      if (!signal.aborted) await this.#look(signal)
      await clock.sleep(this.#mayRead ? AGAIN_MS : LATER_MS, signal).catch(() => {})
    }
    stop()
    await this.#lastLook(ended)
  }

  /** Once the namespace is being deleted, it is read until it is gone: a new one may have the same name. */
  async #look(signal: AbortSignal): Promise<void> {
    try {
      const state = await this.#read(signal)
      this.#note(state)
      if (state === 'terminating') await this.#releaseAll(signal)
    } catch (error) {
      if (signal.aborted) return
      this.#options.log.warn({ err: error }, 'cannot release all pods yet')
      this.#sign.resolve()
    }
    if (this.#ending.signal.aborted) this.#sign.resolve()
  }

  #note(state: NamespaceState): void {
    const wasTerminating = this.#ending.signal.aborted
    if (state === 'terminating' && !wasTerminating) {
      this.#activeAgain = deferred()
      this.#ending.abort(new Error('the namespace is being deleted'))
      this.#options.log.info(
        { namespace: this.#options.namespace },
        'the namespace is being deleted: the controllers stop',
      )
    } else if (state === 'active' && wasTerminating) {
      this.#ending = new AbortController()
      this.#activeAgain.resolve()
    }
  }

  async #lastLook(ended: Promise<unknown>): Promise<void> {
    const { clock, log } = this.#options
    try {
      const state = await withTimeout({ clock, ms: ASK_MS }, never, (limited) => this.#read(limited))
      if (state !== 'terminating') return
      await withTimeout({ clock, ms: LAST_MS }, never, (limited) => this.#releaseToTheEnd(ended, limited))
    } catch (error) {
      log.warn({ err: error }, 'the operator stops without knowing whether it still holds pods')
    }
  }

  /** Releases at once, since the deletion removes our rights too; then again for a pod whose create was in flight. */
  async #releaseToTheEnd(ended: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    await this.#releaseAll(signal).catch((error: unknown) =>
      log.debug({ err: error }, 'cannot release all pods, retrying'),
    )
    await abortable(ended, signal)
    do await clock.sleep(AGAIN_MS, signal)
    while ((await this.#releaseAll(signal)) > 0)
  }

  async #read(signal: AbortSignal): Promise<NamespaceState> {
    const { client, namespace, log } = this.#options
    try {
      const { metadata } = await client.get(namespaces, { namespace: '', name: namespace }, signal)
      this.#mayRead = true
      return metadata.deletionTimestamp === undefined ? 'active' : 'terminating'
    } catch (error) {
      // A namespace that is gone has no pods, and may be created again.
      if (error instanceof NotFound) return 'active'
      if (!(error instanceof Forbidden)) throw error
      // The deletion of the namespace may have removed the right already.
      const isNews = this.#mayRead && !this.#ending.signal.aborted
      if (isNews) log.warn({ err: error }, 'the operator may not read its namespace and will not notice its deletion')
      this.#mayRead = false
      return 'unknown'
    }
  }

  /** Removes our finalizer from every pod that has it, labelled or not, and returns how many had it. */
  async #releaseAll(signal: AbortSignal): Promise<number> {
    const { client, namespace, log } = this.#options
    let found = 0
    let next: string | undefined
    do {
      const options = { limit: PAGE, ...(next !== undefined && { continue: next }) }
      const page = await client.listPage(pods, namespace, options, signal)
      const held = page.items.filter(isHeldPod)
      for (let from = 0; from < held.length; from += AT_A_TIME) {
        await Promise.all(held.slice(from, from + AT_A_TIME).map((pod) => release(client, pod, signal)))
      }
      found += held.length
      next = page.continue
    } while (next !== undefined)
    if (found > 0) log.info({ namespace, pods: found }, 'the namespace is being deleted: released its pods')
    return found
  }
}

/** A namespace's deletion begins with its pods: a pod with our finalizer is deleted, and waits for us. */
function isSign(pod: Pod | undefined): boolean {
  return pod !== undefined && isHeldPod(pod) && pod.metadata.deletionTimestamp !== undefined
}

/** If another replica was quicker, or the list of finalizers has changed, the next round handles it. */
async function release(client: KubeClient, pod: Pod, signal: AbortSignal): Promise<void> {
  try {
    await removeFinalizer(client, pods, pod, OUTCOME_FINALIZER, signal)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
  }
}
