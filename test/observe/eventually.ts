import { inspect } from 'node:util'

/** The garbage collector looks for new kinds twice a minute: on a young control plane it may not know ours yet. */
export const GARBAGE_MS = 45_000

export interface EventuallyOptions {
  withinMs?: number
  /** What is awaited, in the words of the test. */
  what?: string
  everyMs?: number
}

type Falsy = false | 0 | '' | null | undefined

/**
 * Polls until the condition is truthy and returns its value; an error counts as not yet. The message of the failure
 * says what was awaited and what was seen last.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { withinMs = 10_000, what = condition.toString(), everyMs = 20 }: EventuallyOptions = {},
): Promise<Exclude<T, Falsy>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const seen = await attempt(condition)
    if ('value' in seen && isTruthy(seen.value)) return seen.value
    if (performance.now() >= deadline)
      throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${inspect(seen, { depth: 4 })}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

async function attempt<T>(condition: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await condition() }
  } catch (error) {
    return { error }
  }
}

function isTruthy<T>(value: T): value is Exclude<T, Falsy> {
  return Boolean(value)
}
