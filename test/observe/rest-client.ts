import { asObject } from '../../src/kube/client/parse.ts'
import { expectDocumented } from '../documents/documented.ts'
import { TOKEN } from '../site/site.ts'

export interface RestAnswer {
  status: number
  headers: Headers
  /** The envelope, or other JSON. */
  body: Record<string, unknown>
  data: unknown
}

/** Calls the REST API of an operator with the token of every site. Checks every response against the OpenAPI document. */
export class RestClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async call(method: string, path: string, body?: unknown): Promise<RestAnswer> {
    const url = `${this.#url}${path}`
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const { status, headers } = response
    const text = await response.text()
    expectDocumented({ method, url, status, headers, text })
    const answer = asObject(JSON.parse(text))
    return { status, headers, body: answer, data: answer['data'] }
  }

  get(path: string): Promise<RestAnswer> {
    return this.call('GET', path)
  }

  /** Delegates a job and returns its id. */
  async delegate(body: Record<string, unknown>): Promise<string> {
    const { status, data, body: envelope } = await this.call('POST', '/api/jobs/delegate', body)
    const id = asObject(data)['delegationId']
    if (status !== 201 || typeof id !== 'string') throw new Error(`delegate: ${status} ${JSON.stringify(envelope)}`)
    return id
  }
}
