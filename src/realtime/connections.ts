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
  /** How often each is judged again. */
  everyMs: number
  mostPerCaller: number
}

/** What one is told who has as many connections as he may. */
export const TOO_MANY = 'too many connections of this caller'

/** The open connections: at most so many per caller, and each judged again from time to time. */
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

  /** Takes a connection in, or closes it where its caller has too many; what is returned is called when it ends. */
  receive(connection: OpenConnection): (() => void) | undefined {
    const leave = this.#limit.enter(connection.admitted.caller)
    if (leave === undefined) {
      connection.close(closeCodes.tryAgainLater, TOO_MANY)
      return undefined
    }
    const cancel = this.#judgeLater(connection)
    return () => {
      cancel()
      leave()
    }
  }

  #judgeLater(connection: OpenConnection): () => void {
    const { clock, everyMs } = this.#options
    let isOver = false
    let cancelTimer = (): void => {}
    const judge = async (): Promise<void> => {
      const mayStay = await this.#judge(connection)
      if (mayStay && !isOver) wait()
    }
    const wait = (): void => {
      cancelTimer = clock.setTimer(() => void judge(), everyMs)
    }
    wait()
    return () => {
      isOver = true
      cancelTimer()
    }
  }

  /** Judges a connection anew, and closes it if need be. */
  async #judge({ handshake, admitted, close }: OpenConnection): Promise<boolean> {
    const { admit, log } = this.#options
    try {
      const decision = await admit({ ...handshake, isInside: true })
      // Who may no longer list may have subscribed to all: he begins anew.
      if (decision.is === 'admitted' && (decision.mayList || !admitted.mayList)) return true
      log.info({ user: admitted.caller }, 'connection closed: its right has gone')
      close(closeCodes.policy, 'no longer allowed')
    } catch (error) {
      log.warn({ err: error, user: admitted.caller }, 'connection could not be judged')
      close(closeCodes.tryAgainLater, 'rights cannot be checked now')
    }
    return false
  }
}
