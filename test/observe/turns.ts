import type { KubeObject } from '../../src/api/object.ts'
import type { Store } from '../../src/kube/cache/store.ts'

/** The number of changes that a store emits in each turn of the event loop. */
export function turnsOf<T extends KubeObject>(store: Store<T>): readonly number[] {
  const turns: number[] = []
  let changes = 0
  store.onChange(() => {
    if (changes === 0) {
      setImmediate(() => {
        turns.push(changes)
        changes = 0
      })
    }
    changes += 1
  })
  return turns
}
