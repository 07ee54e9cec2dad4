import { OUTCOME_FINALIZER } from '../../api/names.ts'
import { namespaces } from '../../api/namespace.ts'
import { type Pod, pods } from '../../api/pod.ts'
import type { Caches } from '../../cluster/caches.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { Forbidden, Invalid, NotFound } from '../../kube/client/errors.ts'
import { hasFinalizer, removeFinalizer } from '../../kube/client/finalizer.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import { abortable, type Deferred, deferred, linkedAbortController, withTimeout } from '../../kube/runtime/signals.ts'

export interface NamespaceEndOptions {
  /** Not guarded by the Lease: every replica lets go, whoever leads. */
  client: KubeClient
  caches: { pods: Pick<Caches['pods'], 'onChange'> }
  namespace: string
  clock: Clock
  log: Log
}

/** Unknown where it may not be read. */
type NamespaceState = 'standing' | 'terminating' | 'unknown'

/** How soon the namespace is looked at again, at the earliest. */
const AGAIN_MS = 1000
/** The same where it may not be read. */
const LATER_MS = 10_000
/** How long a process that is stopping waits to learn whether its namespace is being deleted. */
const ASK_MS = 2000
/** How long it lets go of pods at most: all of its stop has ten seconds. */
const LAST_MS = 6000
/** Pods on one page of a list. */
const PAGE = 500
/** Pods that are released at a time. */
const AT_A_TIME = 32

const never = new AbortController().signal

/**
 * Lets go of all pods as soon as their namespace is being deleted, and stops the work in it. Nobody reads an outcome
 * after that, nothing can be created, and the deletion waits for our finalizer, but for no operator. Each replica does
 * so, leader or not, and once more when it stops.
 */
export class NamespaceEnd {
  readonly #options: NamespaceEndOptions
  #sign: Deferred<void> = deferred()
  /** Aborted while the namespace is being deleted. */
  #ending = new AbortController()
  #standsAgain: Deferred<void> = deferred()
  #mayRead = true

  constructor(options: NamespaceEndOptions) {
    this.#options = options
  }

  /** Has the namespace looked at: there is a sign that it is being deleted. */
  suspect(): void {
    this.#sign.resolve()
  }

  /** Works until the signal or until the work ends by itself; pauses while the namespace is being deleted. */
  async whileItStands(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#ending.signal.aborted) await abortable(this.#standsAgain.promise, signal)
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
   * Looks at the namespace at every sign, such as that somebody deletes a pod that we hold, until the signal, and a last
   * time after it.
   * `ended` settles when this process begins no further pod.
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

  /** Once the namespace is being deleted, it is looked at until it is gone: one of the same name may follow it. */
  async #look(signal: AbortSignal): Promise<void> {
    try {
      const state = await this.#read(signal)
      this.#note(state)
      if (state === 'terminating') await this.#releaseAll(signal)
    } catch (error) {
      if (signal.aborted) return
      this.#options.log.warn({ err: error }, 'cannot let go of all pods yet')
      this.#sign.resolve()
    }
    if (this.#ending.signal.aborted) this.#sign.resolve()
  }

  #note(state: NamespaceState): void {
    const wasTerminating = this.#ending.signal.aborted
    if (state === 'terminating' && !wasTerminating) {
      this.#standsAgain = deferred()
      this.#ending.abort(new Error('the namespace is being deleted'))
      this.#options.log.info(
        { namespace: this.#options.namespace },
        'the namespace is being deleted: the work in it stops',
      )
    } else if (state === 'standing' && wasTerminating) {
      this.#ending = new AbortController()
      this.#standsAgain.resolve()
    }
  }

  async #lastLook(ended: Promise<unknown>): Promise<void> {
    const { clock, log } = this.#options
    try {
      const state = await withTimeout({ clock, ms: ASK_MS }, never, (limited) => this.#read(limited))
      if (state !== 'terminating') return
      await withTimeout({ clock, ms: LAST_MS }, never, (limited) => this.#releaseToTheEnd(ended, limited))
    } catch (error) {
      log.warn({ err: error }, 'stops without knowing that it holds no pod')
    }
  }

  /** At once, since the rights to do so are being deleted as well; then again for a pod whose create was under way. */
  async #releaseToTheEnd(ended: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    await this.#releaseAll(signal).catch((error: unknown) => log.debug({ err: error }, 'tries again to let go of pods'))
    await abortable(ended, signal)
    do await clock.sleep(AGAIN_MS, signal)
    while ((await this.#releaseAll(signal)) > 0)
  }

  async #read(signal: AbortSignal): Promise<NamespaceState> {
    const { client, namespace, log } = this.#options
    try {
      const { metadata } = await client.get(namespaces, { namespace: '', name: namespace }, signal)
      this.#mayRead = true
      return metadata.deletionTimestamp === undefined ? 'standing' : 'terminating'
    } catch (error) {
      // One that is gone has no pods, and may come back.
      if (error instanceof NotFound) return 'standing'
      if (!(error instanceof Forbidden)) throw error
      // In a namespace that is being deleted the right may have gone already.
      const isNews = this.#mayRead && !this.#ending.signal.aborted
      if (isNews) log.warn({ err: error }, 'may not read its namespace, and so does not see that it is being deleted')
      this.#mayRead = false
      return 'unknown'
    }
  }

  /** Takes our finalizer off every pod that has it, labelled or not, and returns how many those were before. */
  async #releaseAll(signal: AbortSignal): Promise<number> {
    const { client, namespace, log } = this.#options
    let found = 0
    let next: string | undefined
    do {
      const options = { limit: PAGE, ...(next !== undefined && { continue: next }) }
      const page = await client.listPage(pods, namespace, options, signal)
      const held = page.items.filter(isHeld)
      for (let from = 0; from < held.length; from += AT_A_TIME) {
        await Promise.all(held.slice(from, from + AT_A_TIME).map((pod) => release(client, pod, signal)))
      }
      found += held.length
      next = page.continue
    } while (next !== undefined)
    if (found > 0) log.info({ namespace, pods: found }, 'the namespace is being deleted: let go of its pods')
    return found
  }
}

function isHeld(pod: Pod): boolean {
  return hasFinalizer(pod, OUTCOME_FINALIZER)
}

/** A namespace's deletion begins with its pods: one that we hold is deleted, and waits for us. */
function isSign(pod: Pod | undefined): boolean {
  return pod !== undefined && isHeld(pod) && pod.metadata.deletionTimestamp !== undefined
}

/** Where another replica was quicker, or the list of finalizers has changed meanwhile, the next round sees it. */
async function release(client: KubeClient, pod: Pod, signal: AbortSignal): Promise<void> {
  try {
    await removeFinalizer(client, pods, pod, OUTCOME_FINALIZER, signal)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
  }
}
