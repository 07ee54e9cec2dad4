import type { Pod } from '../api/pod.ts'
import { hasEndedByItself, podState, type PodState } from '../domain/pod/state.ts'
import type { Store } from '../kube/cache/store.ts'

/**
 * The state of each pod, computed once per object. Objects in a cache are immutable: each change brings a new object,
 * and the state of the old one is garbage-collected with it. The states of pods that are over and released are not kept:
 * most pods are, and hardly anybody asks.
 *
 * Times in a pod have whole seconds. Where a pod ends and is deleted or evicted within one, only the order of its changes
 * shows which came first.
 */
export class PodStates {
  readonly #known = new WeakMap<Pod, PodState>()
  /** Pods of which an earlier object showed that they ended by themselves. */
  readonly #endedByItself = new WeakSet<Pod>()

  /** Of the pods in the store; before any other user of their states follows it. */
  constructor(pods: Store<Pod>) {
    pods.onChange(({ old, now }) => {
      if (old === undefined || now === undefined) return
      if (this.#endedByItself.has(old) || hasEndedByItself(old)) this.#endedByItself.add(now)
    })
  }

  /** The state of this object; `absent` for undefined. */
  of(pod: Pod | undefined): PodState {
    if (pod === undefined) return { is: 'absent' }
    const known = this.#known.get(pod)
    if (known !== undefined) return known
    const state = podState(pod, this.#endedByItself.has(pod))
    if (!isSettled(state)) this.#known.set(pod, state)
    return state
  }
}

function isSettled(state: PodState): boolean {
  return state.is !== 'absent' && state.facts.containersTerminated && !state.facts.hasOutcomeFinalizer
}
