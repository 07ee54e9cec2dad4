import type { IncomingHttpHeaders } from 'node:http'
import { MAX_FRAME_BODY } from '../../api/frame.ts'
import { MAX_PACKED_BYTES } from '../../domain/hand-over/message-parts.ts'
import { HttpError } from '../http-error.ts'

/** The media type of a delegation with its message. */
export const MESSAGE_TYPE = 'application/vnd.runnerhub.message'

/** The maximum length of a body, and the error message for a longer one. */
export interface BodyLimit {
  bytes: number
  refusal: string
}

const KIB = 1024
const MIB = 1024 * KIB

export const jsonLimit: BodyLimit = { bytes: 256 * KIB, refusal: 'the body is longer than 256 KiB' }

const messageLimits = `a message may have ${MAX_FRAME_BODY / 1e6} MB, and ${MAX_PACKED_BYTES / MIB} MiB packed`

/** Its facts, in a line of their own, may be as long as any JSON body. */
export const messageLimit: BodyLimit = {
  bytes: jsonLimit.bytes + MAX_PACKED_BYTES,
  refusal: `the body is too long: ${messageLimits}`,
}

/** Whether a body of these headers brings a message. */
export function bringsMessage(headers: IncomingHttpHeaders): boolean {
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  return type.trim().toLowerCase() === MESSAGE_TYPE
}

/** The limit that the sender of these headers can expect. */
export function limitOf(headers: IncomingHttpHeaders): BodyLimit {
  return bringsMessage(headers) ? messageLimit : jsonLimit
}

/** 413 for a message that is too long; names both limits. */
export function messageTooLong(how: 'packed' | 'unpacked'): HttpError {
  return new HttpError(413, 'BodyTooLarge', `the message is too long ${how}: ${messageLimits}`)
}
