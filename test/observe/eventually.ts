import { inspect } from 'node:util'

/** Time limit for the garbage collector: it knows our kinds from its start, and its queue is short. */
export const GARBAGE_MS = 10_000

export interface EventuallyOptions {
  withinMs?: number
  /** The awaited condition, for the failure message. */
  what?: string
  everyMs?: number
  /** Resolves when the condition may have changed, to check before the next interval. */
  changed?: (withinMs: number) => Promise<void>
}

type Falsy = false | 0 | '' | null | undefined

/** Ends a wait at once: the condition can no longer hold. */
export class Hopeless extends Error {
  override name = 'Hopeless'
}

/**
 * Checks the condition until it is truthy and returns its value. A failed assertion, a missing response and the like
 * count as not yet; an error in the test and Hopeless end the wait at once. The failure message has the awaited
 * condition and the last seen value.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { withinMs = 10_000, what = condition.toString(), everyMs = 20, changed = pause }: EventuallyOptions = {},
): Promise<Exclude<T, Falsy>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const seen = await attempt(condition)
    if ('value' in seen && isTruthy(seen.value)) return seen.value
    if (performance.now() >= deadline)
      throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${inspect(seen, { depth: 4 })}`)
    await changed(everyMs)
  }
}

async function attempt<T>(condition: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await condition() }
  } catch (error) {
    if (error instanceof Hopeless || isMistake(error)) throw error
    return { error }
  }
}

/** Whether the error is a bug in the test: another check cannot succeed. A TypeError of undici for a lost connection has a cause. */
function isMistake(error: unknown): boolean {
  if (error instanceof TypeError) return error.cause === undefined
  return error instanceof ReferenceError || error instanceof RangeError
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function isTruthy<T>(value: T): value is Exclude<T, Falsy> {
  return Boolean(value)
}
