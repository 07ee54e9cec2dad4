import type { Pod } from '../api/pod.ts'
import { podState, type PodState } from '../domain/pod/state.ts'

/**
 * The state of each pod, computed once per object. An object of a cache never changes: each change brings another one,
 * and the state of the old one goes with it.
 */
export class PodStates {
  readonly #known = new WeakMap<Pod, PodState>()

  /** The state of this object; absent where there is none. */
  of(pod: Pod | undefined): PodState {
    if (pod === undefined) return { is: 'absent' }
    const known = this.#known.get(pod)
    if (known !== undefined) return known
    const state = podState(pod)
    this.#known.set(pod, state)
    return state
  }
}
