import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

/** Collects garbage now, whatever the flags of the process are. */
export function collectGarbage(): void {
  if (typeof collect === 'function') Reflect.apply(collect, undefined, [])
}
