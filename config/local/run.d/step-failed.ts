/** A step that failed: what, what was seen, and what to do about it. */
export class StepFailed extends Error {
  override name = 'StepFailed'
  readonly advice: string
  readonly details: string

  constructor(what: string, { advice, details = '' }: { advice: string; details?: string }) {
    super(what)
    this.advice = advice
    this.details = details
  }
}

/** All of it, for people. */
export function explain({ message, advice, details }: StepFailed): string {
  const seen = details.trim() === '' ? [] : ['--- what was seen:', details.trim(), '---']
  return [`error: ${message}`, ...seen, `what to do: ${advice}`, ''].join('\n')
}
