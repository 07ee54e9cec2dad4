/** A failed step: the message, the evidence, and an advice. */
export class StepFailed extends Error {
  override name = 'StepFailed'
  readonly advice: string
  readonly details: string

  constructor(message: string, { advice, details = '' }: { advice: string; details?: string }) {
    super(message)
    this.advice = advice
    this.details = details
  }
}

/** The whole failure as text. */
export function explain({ message, advice, details }: StepFailed): string {
  const seen = details.trim() === '' ? [] : ['--- details:', details.trim(), '---']
  return [`error: ${message}`, ...seen, `what to do: ${advice}`, ''].join('\n')
}
