import { keyOf } from '../../src/api/object.ts'
import { type Pod, pods } from '../../src/api/pod.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { KubeClient } from '../../src/kube/client/client.ts'
import { Conflict, Invalid, NotFound } from '../../src/kube/client/errors.ts'
import { resourcePath, splitKey } from '../../src/kube/client/resource-path.ts'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { RecordedLog } from '../documents/recorded-log.ts'
import { eventually } from '../observe/eventually.ts'
import { Ledger } from './ledger.ts'
import { STAND_IN_NODE } from './node.ts'
import { pause } from './pause.ts'
import { expired, type Script, type Step, stopped, succeeds } from './script.ts'

const TIMER_SLACK_MS = 5

/** When the kubelet ends a pod, in milliseconds; undefined as long as it has not begun, or has no deadline. */
function deadlineOf({ spec, status }: Pod): number | undefined {
  const { activeDeadlineSeconds } = spec
  if (activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined
  return Date.parse(status.startTime) + activeDeadlineSeconds * 1000
}

/**
 * Plays scheduler and kubelet for the pods of one namespace, as fast as a test wants it:
 *
 *   kubelet.onPod((pod) => exits(3, { runMs: 100 }))     what happens to each new pod; by default it succeeds
 *   await kubelet.apply(name, (pod) => exited(pod, 0))   and to an existing pod
 *   kubelet.ledger.of(jobName)                           every pod that a job ever had
 *
 * Like a kubelet, it handles a deletion by stopping the container and deleting the pod without grace, and stops a pod at
 * its deadline. It survives restarts of the API server.
 */
export class StandInKubelet {
  readonly ledger = new Ledger()
  readonly #client: KubeClient
  readonly #namespace: string
  readonly #store = new Store<Pod>()
  readonly #reflector: Reflector<Pod>
  readonly #stop = new AbortController()
  /** The running script of each pod, by UID. */
  readonly #scenes = new Map<string, { end: AbortController; stop: Script['stop'] }>()
  #choose: (pod: Pod) => Script = () => succeeds()
  #running: Promise<void> | undefined

  constructor(connection: Connection, namespace: string) {
    this.#client = new KubeClient(connection, { userAgent: 'stand-in-kubelet' })
    this.#namespace = namespace
    const log = new RecordedLog()
    this.#reflector = new Reflector({ client: this.#client, resource: pods, namespace, store: this.#store, log })
  }

  async start(): Promise<void> {
    this.#store.onChange(({ old, now }) => this.#changed(old, now))
    this.#running = this.#reflector.run(this.#stop.signal)
    await this.#store.synced(this.#stop.signal)
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the kubelet was stopped'))
    for (const { end } of this.#scenes.values()) end.abort(this.#stop.signal.reason)
    await this.#running
    await this.#client.close()
  }

  /** The pods of the watch. */
  get pods(): Store<Pod> {
    return this.#store
  }

  /** Chooses the script of every later pod. */
  onPod(choose: (pod: Pod) => Script): void {
    this.#choose = choose
  }

  /** Binds an existing pod, or writes its status, now. */
  async apply(name: string, ...acts: Step['act'][]): Promise<void> {
    const what = `pod ${name} to exist`
    const pod = await eventually(() => this.#store.get(`${this.#namespace}/${name}`), { what })
    for (const act of acts) await this.#act(pod, act, this.#stop.signal)
  }

  #changed(old: Pod | undefined, now: Pod | undefined): void {
    const pod = now ?? old
    if (pod === undefined) return
    this.ledger.note(pod, now === undefined)
    if (now === undefined) this.#scenes.get(pod.metadata.uid)?.end.abort(new Error('the pod is gone'))
    else if (old === undefined) this.#begin(now, this.#choose(now))
    if (now !== undefined && deadlineOf(now) !== (old && deadlineOf(old))) void this.#expire(now)
  }

  /** Ends a pod at its deadline, unless it has ended by then, is being deleted, or has an earlier one. */
  async #expire(pod: Pod): Promise<void> {
    const deadline = deadlineOf(pod)
    const scene = this.#scenes.get(pod.metadata.uid)
    if (deadline === undefined || scene === undefined || scene.stop === 'never') return
    const { signal } = scene.end
    const { afterMs = 0, code } = scene.stop ?? {}
    try {
      // A timer may fire a moment early, a kubelet never does.
      await pause(Math.max(0, deadline - Date.now()) + TIMER_SLACK_MS, signal)
      const now = this.#store.get(keyOf(pod))
      if (now === undefined || deadlineOf(now) !== deadline || now.metadata.deletionTimestamp !== undefined) return
      const isOver = now.status?.phase === 'Succeeded' || now.status?.phase === 'Failed'
      if (isOver) return
      await pause(afterMs, signal)
      await this.#insist(() => this.#act(now, (latest) => expired(latest, code), signal), signal)
    } catch {
      // the scene is over
    }
  }

  #begin(pod: Pod, script: Script): void {
    const end = new AbortController()
    this.#scenes.set(pod.metadata.uid, { end, stop: script.stop })
    void this.#play(pod, script, end.signal)
  }

  /** Plays the steps; a deletion interrupts them, and the script decides what happens then. */
  async #play(pod: Pod, { steps, stop = {} }: Script, signal: AbortSignal): Promise<void> {
    const deletion = new AbortController()
    const unsubscribe = this.#store.onChange(({ now }) => {
      const isMeant = now?.metadata.uid === pod.metadata.uid && now.metadata.deletionTimestamp !== undefined
      if (isMeant) deletion.abort(new Error('the pod is being deleted'))
    })
    try {
      const either = AbortSignal.any([signal, deletion.signal])
      if (pod.metadata.deletionTimestamp !== undefined) deletion.abort(new Error('the pod was being deleted'))
      for (const step of steps) await this.#step(pod, step, either)
      await new Promise<void>((resolve) => either.addEventListener('abort', () => resolve(), { once: true }))
    } catch {
      // the scene is over, or the deletion is next
    }
    unsubscribe()
    if (deletion.signal.aborted && stop !== 'never') await this.#end(pod, stop, signal).catch(() => {})
  }

  async #step(pod: Pod, { afterMs = 0, act }: Step, signal: AbortSignal): Promise<void> {
    await pause(afterMs, signal)
    await this.#insist(() => this.#act(pod, act, signal), signal)
  }

  async #act(pod: Pod, act: Step['act'], signal: AbortSignal): Promise<void> {
    if (act === 'bind') return this.#bind(pod, signal)
    const now = this.#store.get(keyOf(pod)) ?? pod
    const { uid } = pod.metadata
    await this.#client.patchMerge(pods, splitKey(keyOf(pod)), { metadata: { uid }, status: act(now) }, signal, 'status')
  }

  async #bind(pod: Pod, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid } = pod.metadata
    const target = { apiVersion: 'v1', kind: 'Node', name: STAND_IN_NODE }
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target }
    try {
      await this.#client.request('POST', resourcePath(pods, namespace, name, 'binding'), { body }, signal)
    } catch (error) {
      if (!(error instanceof Conflict)) throw error // the pod is bound already: an earlier response was lost
    }
  }

  /** Ends a deleted pod: its container stops, then the pod is removed. */
  async #end(pod: Pod, { afterMs = 0, code = 143 }: { afterMs?: number; code?: number }, signal: AbortSignal) {
    await pause(afterMs, signal)
    const now = this.#store.get(keyOf(pod))
    if (now === undefined || now.spec.nodeName === undefined) return
    const isOver = now.status?.phase === 'Succeeded' || now.status?.phase === 'Failed'
    if (!isOver) await this.#insist(() => this.#act(pod, (latest) => stopped(latest, code), signal), signal)
    const { uid } = pod.metadata
    const options = { uid, gracePeriodSeconds: 0 }
    await this.#insist(() => this.#client.delete(pods, splitKey(keyOf(pod)), options, signal), signal)
  }

  /** Retries until it succeeds; a pod that is gone or was replaced needs no more work. */
  async #insist(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof NotFound || error instanceof Conflict || error instanceof Invalid) return
        await pause(100, signal)
      }
    }
  }
}
