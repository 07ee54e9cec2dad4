import type { Pod } from '../api/pod.ts'
import { podState, type PodState } from '../domain/pod/state.ts'

/**
 * The state of each pod, computed once per object. Objects in a cache are immutable: each change brings a new object,
 * and the state of the old one is garbage-collected with it.
 */
export class PodStates {
  readonly #known = new WeakMap<Pod, PodState>()

  /** The state of this object; `absent` for undefined. */
  of(pod: Pod | undefined): PodState {
    if (pod === undefined) return { is: 'absent' }
    const known = this.#known.get(pod)
    if (known !== undefined) return known
    const state = podState(pod)
    this.#known.set(pod, state)
    return state
  }
}
