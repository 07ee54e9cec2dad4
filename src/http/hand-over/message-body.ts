import { jobMessage, type NewRunnerJobSpec } from '../../api/runner-job.ts'
import { MESSAGE_TYPE } from '../input/body-limit.ts'
import { badRequest } from '../http-error.ts'
import { discreetAjv } from '../input/ajv.ts'
import { describeAjvErrors } from '../input/ajv-errors.ts'
import { parseJson } from '../input/json-body.ts'
import { delegationBody, parseDelegation } from '../jobs/delegation-body.ts'

const { runnerVersion, serverUrl } = jobMessage.properties

/** What the message itself does not say to whoever cannot read it. */
const aboutMessage = {
  type: 'object',
  description: 'About the message.',
  properties: { runnerVersion, serverUrl },
} as const

/** Schema of the first line of a delegation with its message. */
export const messageFacts = {
  ...delegationBody,
  properties: { ...delegationBody.properties, message: aboutMessage },
} as const

/** What the document says of the body. */
export const messageBody = {
  [MESSAGE_TYPE]:
    'A delegation with its message: the facts as JSON in one line that ends with a line feed, as the schema ' +
    'DelegationWithMessage has them, and then, packed with gzip, the first frame that the Listener of a GitHub runner ' +
    'wrote to its Worker, as it is. At most 50 MB, and 8 MiB packed.',
} as const

export type AboutMessage = Pick<NonNullable<NewRunnerJobSpec['message']>, 'runnerVersion' | 'serverUrl'>

/** A delegation with its message. */
export interface HandOver {
  spec: NewRunnerJobSpec
  about: AboutMessage
  /** The message, packed. Nothing but its Secrets may ever see it. */
  packed: Buffer
}

const LINE_FEED = 0x0a

const isWithAbout = discreetAjv.compile<{ message?: AboutMessage }>({
  type: 'object',
  properties: { message: aboutMessage },
})

/** Takes the body of a delegation with its message apart; 400 with every bad field and why. */
export function parseHandOver(body: Buffer): HandOver {
  const end = body.indexOf(LINE_FEED)
  if (end < 0) throw badRequest('body must begin with the facts as JSON in one line, and go on with the message')
  const facts = parseJson(body.subarray(0, end))
  const spec = parseDelegation(facts)
  if (!isWithAbout(facts)) throw badRequest(describeAjvErrors(isWithAbout.errors ?? []))
  const { message } = facts
  const about: AboutMessage = {
    ...(message?.runnerVersion !== undefined && { runnerVersion: message.runnerVersion }),
    ...(message?.serverUrl !== undefined && { serverUrl: message.serverUrl }),
  }
  return { spec, about, packed: body.subarray(end + 1) }
}
