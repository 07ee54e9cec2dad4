import type { Pod } from '../api/pod.ts'
import { podState, type PodState } from '../domain/pod/state.ts'

/**
 * The state of each pod, computed once per object. Objects in a cache are immutable: each change brings a new object,
 * and the state of the old one is garbage-collected with it. The states of pods that are over and released are not kept:
 * most pods are, and hardly anybody asks.
 */
export class PodStates {
  readonly #known = new WeakMap<Pod, PodState>()

  /** The state of this object; `absent` for undefined. */
  of(pod: Pod | undefined): PodState {
    if (pod === undefined) return { is: 'absent' }
    const known = this.#known.get(pod)
    if (known !== undefined) return known
    const state = podState(pod)
    if (!isSettled(state)) this.#known.set(pod, state)
    return state
  }
}

function isSettled(state: PodState): boolean {
  return state.is !== 'absent' && state.facts.containersTerminated && !state.facts.hasOutcomeFinalizer
}
