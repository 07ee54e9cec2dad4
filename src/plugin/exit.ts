/** The exit codes of the plugin, which docs/kubectl.md documents. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  jobFailed: 4,
  jobCancelled: 5,
  timedOut: 6,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** The command cannot do what it was asked for; the message is for the user. */
export class Failure extends Error {
  override name = 'Failure'
  readonly code: ExitCode

  constructor(message: string, code: ExitCode = exitCodes.failed, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
