import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { MESSAGE_TYPE } from '../../../src/http/input/body-limit.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { eventually } from '../../observe/eventually.ts'
import { freePort } from '../../processes/free-port.ts'
import { CALLERS } from '../../site/namespace.ts'
import { Operator } from '../stage/operator.ts'
import type { Place } from '../stage/place.ts'
import type { Shipped } from '../stage/shipped.ts'
import type { Stage } from '../stage/stage.ts'

/** The token of its callers. */
export const FACADE_TOKEN = 'token-of-the-benchmark'

/** An operator, by default without controllers, and a client for delegations. */
export class Facade {
  readonly #operator: Operator
  readonly #pool: Pool
  readonly url: string

  private constructor(operator: Operator, url: string, connections: number) {
    this.#operator = operator
    this.url = url
    this.#pool = new Pool(url, { connections })
  }

  /** Starts the operator and waits until it serves; the client has this number of connections. */
  static async start(
    stage: Stage,
    place: Place,
    shipped: Shipped,
    { connections, roles = 'facade' }: { connections: number; roles?: 'facade' | 'both' },
  ): Promise<Facade> {
    const port = await freePort()
    const tokenFile = join(place.serviceAccountDirectory, 'tokens.csv')
    await writeFile(tokenFile, `${FACADE_TOKEN},bench,bench-uid,"${CALLERS}"\n`)
    const settings = { ROLES: roles, HTTP_PORT: String(port), TOKEN_FILE: tokenFile, RATE_LIMIT_MAX: '1000000000' }
    const operator = await Operator.start(stage, place, shipped, settings)
    const facade = new Facade(operator, `http://127.0.0.1:${port}`, connections)
    try {
      await facade.during(() => eventually(() => facade.#isReady(), { what: 'the facade to be ready' }))
    } catch (error) {
      await facade.stop()
      throw error
    }
    return facade
  }

  /** Delegates one job, and returns its id; throws if it is not accepted. */
  delegate(delegation: object): Promise<string> {
    return this.#post('application/json', Buffer.from(JSON.stringify(delegation)))
  }

  /** The same with a packed message. */
  handOver(delegation: object, packed: Uint8Array): Promise<string> {
    return this.#post(MESSAGE_TYPE, Buffer.concat([Buffer.from(`${JSON.stringify(delegation)}\n`), packed]))
  }

  async #post(type: string, body: Uint8Array): Promise<string> {
    const headers = { authorization: `Bearer ${FACADE_TOKEN}`, 'content-type': type }
    const answer = await this.#pool.request({ method: 'POST', path: '/api/jobs/delegate', headers, body })
    const text = await answer.body.text()
    if (answer.statusCode !== 201) throw new Error(`HTTP ${answer.statusCode}: ${text}`)
    return String(asObject(asObject(JSON.parse(text))['data'])['delegationId'])
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
