import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

/** The bytes of the heap that what is made takes. */
export function heapBytesOf(make: () => unknown): number {
  const before = heapBytes()
  const made = make()
  const bytes = heapBytes() - before
  // What was made lives until here.
  return made === heapBytesOf ? 0 : bytes
}

/** Collects garbage now, whatever the flags of the process are. */
export function collectGarbage(): void {
  if (typeof collect === 'function') Reflect.apply(collect, undefined, [])
}

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
