import { OUTCOME_FINALIZER } from '../../api/names.ts'
import { namespaces } from '../../api/namespace.ts'
import { type Pod, pods } from '../../api/pod.ts'
import type { Caches } from '../../cluster/caches.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { Forbidden, Invalid, NotFound } from '../../kube/client/errors.ts'
import { hasFinalizer, removeFinalizer } from '../../kube/client/finalizer.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import { abortable, type Deferred, deferred, withTimeout } from '../../kube/runtime/signals.ts'

export interface NamespaceEndOptions {
  /** Not guarded by the Lease: every replica lets go, whoever leads. */
  client: KubeClient
  caches: { pods: Pick<Caches['pods'], 'onChange'> }
  namespace: string
  clock: Clock
  log: Log
}

/** How soon the namespace is looked at again, at the earliest. */
const AGAIN_MS = 1000
/** How long a process that is stopping waits to learn whether its namespace is being deleted. */
const ASK_MS = 2000
/** How long it lets go of pods at most: it has ten seconds in all. */
const LAST_MS = 8000
/** Pods on one page of a list. */
const PAGE = 500
/** Pods that are released at a time. */
const AT_A_TIME = 32

const never = new AbortController().signal

/**
 * Lets go of all pods as soon as their namespace is being deleted. Nobody reads an outcome after that, and the deletion
 * waits for our finalizer, but for no operator. It goes for each replica, leader or not, and once more when it stops.
 */
export class NamespaceEnd {
  readonly #options: NamespaceEndOptions
  #sign: Deferred<void> = deferred()
  #mayRead = true

  constructor(options: NamespaceEndOptions) {
    this.#options = options
  }

  /**
   * Looks at the namespace whenever somebody deletes a pod that we hold, until the signal, and a last time after it.
   * `ended` settles when this process begins no further pod.
   */
  async run(ended: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { caches, clock } = this.#options
    const stop = caches.pods.onChange(({ old, now }) => {
      if (isSign(now) && !isSign(old)) this.#sign.resolve()
    })
    while (!signal.aborted) {
      await abortable(this.#sign.promise, signal).catch(() => {})
      this.#sign = deferred()
      if (!signal.aborted) await this.#look(signal)
      await clock.sleep(AGAIN_MS, signal).catch(() => {})
    }
    stop()
    await this.#lastLook(ended)
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      const held = (await this.#isTerminating(signal)) ? await this.#releaseAll(signal) : 0
      if (held > 0) this.#sign.resolve()
    } catch (error) {
      if (signal.aborted) return
      this.#options.log.warn({ err: error }, 'cannot let go of all pods yet')
      this.#sign.resolve()
    }
  }

  async #lastLook(ended: Promise<unknown>): Promise<void> {
    const { clock, log } = this.#options
    try {
      const ask = (limited: AbortSignal): Promise<boolean> => this.#isTerminating(limited)
      if (!(await withTimeout({ clock, ms: ASK_MS }, never, ask))) return
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

  async #isTerminating(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, log } = this.#options
    try {
      const { metadata } = await client.get(namespaces, { namespace: '', name: namespace }, signal)
      return metadata.deletionTimestamp !== undefined
    } catch (error) {
      if (error instanceof NotFound) return false
      if (!(error instanceof Forbidden)) throw error
      const fields = { err: error, right: 'get namespaces' }
      if (this.#mayRead) log.warn(fields, 'may not read its namespace, and so does not notice that it is being deleted')
      this.#mayRead = false
      return false
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
