import { ConcurrencyLimit } from '../auth/concurrency-limit.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { Admit, Admitted, Handshake } from './admission.ts'
import { closeCodes } from './transports/close-codes.ts'

/** An open connection. */
export interface OpenConnection {
  handshake: Handshake
  admitted: Admitted
  close: (code: number, reason: string) => void
}

export interface ConnectionsOptions {
  admit: Admit
  clock: Pick<Clock, 'setTimer'>
  log: Log
  /** Interval at which each connection is authorised again. */
  everyMs: number
  mostPerCaller: number
}

/**
 * Whether a caller still has the rights that its connection was opened with. One that has lost `list` may hold a wildcard
 * subscription: it is disconnected, so that it subscribes again.
 */
function hasAllOf(before: Admitted, now: Admitted): boolean {
  if (now.caller !== before.caller) return false
  return (now.mayList || !before.mayList) && (now.scope.is === 'all' || before.scope.is === 'own')
}

/** Close reason for a caller at its connection limit. */
export const TOO_MANY = 'too many connections of this caller'

/** The open connections: limited per caller, each authorised again at an interval. */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #limit: ConcurrencyLimit

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#limit = new ConcurrencyLimit(options.mostPerCaller)
  }

  hasRoom({ caller }: Admitted): boolean {
    return this.#limit.hasRoom(caller)
  }

  /** Registers a connection, or closes it if its caller has too many. Call the returned function when it ends. */
  receive(connection: OpenConnection): (() => void) | undefined {
    const leave = this.#limit.enter(connection.admitted.caller)
    if (leave === undefined) {
      connection.close(closeCodes.tryAgainLater, TOO_MANY)
      return undefined
    }
    const cancel = this.#reauthoriseLater(connection)
    return () => {
      cancel()
      leave()
    }
  }

  #reauthoriseLater(connection: OpenConnection): () => void {
    const { clock, everyMs } = this.#options
    let isOver = false
    let cancelTimer = (): void => {}
    const reauthorise = async (): Promise<void> => {
      const mayStay = await this.#isStillAdmitted(connection)
      if (mayStay && !isOver) wait()
    }
    const wait = (): void => {
      cancelTimer = clock.setTimer(() => void reauthorise(), everyMs)
    }
    wait()
    return () => {
      isOver = true
      cancelTimer()
    }
  }

  /** Authorises a connection again, and closes it if its caller lost a permission. */
  async #isStillAdmitted({ handshake, admitted, close }: OpenConnection): Promise<boolean> {
    const { admit, log } = this.#options
    try {
      const decision = await admit({ ...handshake, isInside: true })
      if (decision.is === 'admitted' && hasAllOf(admitted, decision)) return true
      log.info({ user: admitted.caller }, 'connection closed: permission revoked')
      close(closeCodes.policy, 'no longer allowed')
    } catch (error) {
      log.warn({ err: error, user: admitted.caller }, 'connection closed: authorisation failed')
      close(closeCodes.tryAgainLater, 'permissions cannot be checked now')
    }
    return false
  }
}
