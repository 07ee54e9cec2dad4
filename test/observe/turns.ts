import type { KubeObject } from '../../src/api/object.ts'
import type { Store } from '../../src/kube/cache/store.ts'

/** How many changes a store tells in each turn of the event loop, as the turns end. */
export function turnsOf<T extends KubeObject>(store: Store<T>): readonly number[] {
  const turns: number[] = []
  let told = 0
  store.onChange(() => {
    if (told === 0) {
      setImmediate(() => {
        turns.push(told)
        told = 0
      })
    }
    told += 1
  })
  return turns
}
