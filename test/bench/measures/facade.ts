import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { eventually } from '../../observe/eventually.ts'
import { freePort } from '../../processes/free-port.ts'
import { CALLERS } from '../../site/namespace.ts'
import { Operator } from '../stage/operator.ts'
import type { Place } from '../stage/place.ts'
import type { Shipped } from '../stage/shipped.ts'
import type { Stage } from '../stage/stage.ts'

const token = 'token-of-the-benchmark'

/** An operator without controllers, and a client for delegations. */
export class Facade {
  readonly #operator: Operator
  readonly #pool: Pool

  private constructor(operator: Operator, pool: Pool) {
    this.#operator = operator
    this.#pool = pool
  }

  /** Starts the operator and waits until it serves; the client has this number of connections. */
  static async start(stage: Stage, place: Place, shipped: Shipped, connections: number): Promise<Facade> {
    const port = await freePort()
    const tokenFile = join(place.serviceAccountDirectory, 'tokens.csv')
    await writeFile(tokenFile, `${token},bench,bench-uid,"${CALLERS}"\n`)
    const settings = { ROLES: 'facade', HTTP_PORT: String(port), TOKEN_FILE: tokenFile, RATE_LIMIT_MAX: '1000000000' }
    const operator = await Operator.start(stage, place, shipped, settings)
    const facade = new Facade(operator, new Pool(`http://127.0.0.1:${port}`, { connections }))
    try {
      await facade.during(() => eventually(() => facade.#isReady(), { what: 'the facade to be ready' }))
    } catch (error) {
      await facade.stop()
      throw error
    }
    return facade
  }

  /** Delegates one job; throws if it is not accepted. */
  async delegate(delegation: object): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = JSON.stringify(delegation)
    const answer = await this.#pool.request({ method: 'POST', path: '/api/jobs/delegate', headers, body })
    const text = await answer.body.text()
    if (answer.statusCode !== 201) throw new Error(`HTTP ${answer.statusCode}: ${text}`)
  }

  /** Runs some work; rejects if the process ends meanwhile. */
  during<R>(act: () => Promise<R>): Promise<R> {
    return this.#operator.during(act())
  }

  /** The resource usage of the process so far. */
  async cpuSeconds(): Promise<number> {
    return (await this.#operator.usage()).cpuSeconds
  }

  async stop(): Promise<void> {
    await this.#pool.close()
    await this.#operator.stop()
  }

  async #isReady(): Promise<boolean> {
    const answer = await this.#pool.request({ method: 'GET', path: '/health' }).catch(() => undefined)
    await answer?.body.dump()
    return answer?.statusCode === 200
  }
}
