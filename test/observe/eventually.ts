import { inspect } from 'node:util'

/** What the garbage collector may take: it knows our kinds from its start, and its queue is short. */
export const GARBAGE_MS = 10_000

export interface EventuallyOptions {
  withinMs?: number
  /** What is awaited, in the words of the test. */
  what?: string
  everyMs?: number
  /** Resolves when there may be something new to see: a look that nothing else would cause before the next one. */
  changed?: (withinMs: number) => Promise<void>
}

type Falsy = false | 0 | '' | null | undefined

/** Ends a wait at once: what is awaited can no longer come. */
export class Hopeless extends Error {
  override name = 'Hopeless'
}

/**
 * Looks until the condition is truthy and returns its value. A failed assertion, an answer that does not come and the
 * like count as not yet; a mistake in the test and what is hopeless end the wait at once. The message of the failure
 * says what was awaited and what was seen last.
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

/** Whether the test itself is wrong: no other look will go better. What undici throws for a lost connection has a cause. */
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
