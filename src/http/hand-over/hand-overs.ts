import type { NewRunnerJobSpec } from '../../api/runner-job.ts'
import { InFlight } from '../../kube/client/in-flight.ts'
import { messageLimit } from '../input/body-limit.ts'
import type { FacadeContext } from '../context.ts'
import { HttpError } from '../http-error.ts'
import { readBytes } from '../input/json-body.ts'
import { requestSignal } from '../input/request-signal.ts'
import { parseHandOver } from './message-body.ts'
import type { Message } from './message-store.ts'
import { checkPacked } from './packed-message.ts'

/** Maximum number of bodies with a message in memory: further callers wait. */
const MOST_BODIES = 16

/** Maximum number of messages that are unpacked and checked at a time. */
const MOST_CHECKS = 2

/** Reads the delegations that bring a message. */
export class HandOvers {
  readonly #bodies = new InFlight(MOST_BODIES)
  readonly #checks = new InFlight(MOST_CHECKS)

  /** The facts and the checked message of a delegation. 400, 413 or 415 if one is invalid. */
  async read(ctx: Pick<FacadeContext, 'req' | 'res' | 'state'>): Promise<{ spec: NewRunnerJobSpec; message: Message }> {
    if (!/^(identity)?$/i.test(ctx.req.headers['content-encoding'] ?? '')) {
      const why = 'Content-Encoding is not supported: the message is packed, and the facts are not'
      throw new HttpError(415, 'UnsupportedMediaType', why)
    }
    // Until the response is sent: the body is kept until then.
    ctx.res.once('close', await this.#bodies.acquire(requestSignal(ctx)))
    const { spec, about, packed } = parseHandOver(await readBytes(ctx.req, messageLimit))
    const signal = requestSignal(ctx)
    const leave = await this.#checks.acquire(signal)
    try {
      await checkPacked(packed, signal)
    } finally {
      leave()
    }
    return { spec, message: { about, packed } }
  }
}
