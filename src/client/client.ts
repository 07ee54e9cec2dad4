import { type AnswerOf, type InputOf, type OperationId, parametersOf, pathTo } from './address.ts'
import { addresses } from './contract.ts'
import { NoAnswer, refusalOf } from './failures.ts'

// The package has this module as its only entry, so what callers of the API name comes with it.
export { NoAnswer, Refused } from './failures.ts'
export type { AnswerOf, InputOf, OperationId } from './address.ts'
export type {
  Caller,
  Delegated,
  Delegation,
  DelegationWithMessage,
  Failure,
  Health,
  Job,
  JobState,
  JobSummary,
  Pool,
  Runner,
} from './contract.ts'

export interface ClientOptions {
  /** Base of the API, such as https://runnerhub.example.com or https://example.com/runnerhub. */
  url: string | URL
  /** The token of the next call; undefined sends none. It is asked for each time, since tokens are renewed. */
  token: () => string | undefined | Promise<string | undefined>
  /** Sends a request; by default the global fetch. */
  fetch?: typeof globalThis.fetch
}

/** A successful response. */
export interface Answer<Id extends OperationId> {
  status: number
  headers: Headers
  body: AnswerOf<Id>
}

/** The REST API of an operator, with the types of its OpenAPI document. */
export class RunnerHubClient {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  /** Base of the API, without a trailing slash. */
  get url(): string {
    return String(this.#options.url).replace(/\/+$/, '')
  }

  /** One call. Throws Refused if the API rejects it, and NoAnswer if no API responds. */
  async call<Id extends OperationId>(id: Id, input: InputOf<Id>, signal?: AbortSignal): Promise<Answer<Id>> {
    const response = await this.open(id, input, signal)
    const { status, headers } = response
    const isJson = headers.get('content-type')?.includes('application/json') === true
    const body: unknown = await (isJson ? response.json() : response.text()).catch((error: unknown) => {
      throw failureOf(error, signal)
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the document has the type of every response, and the tests compare each response with the document
    return { status, headers, body: body as AnswerOf<Id> }
  }

  /** One call whose response is read as it comes, such as a followed log. Fails like `call`. */
  async open<Id extends OperationId>(id: Id, input: InputOf<Id>, signal?: AbortSignal): Promise<Response> {
    const { token, fetch = globalThis.fetch } = this.#options
    const bearer = await token()
    const body: unknown = Reflect.get(input, 'body')
    const headers = new Headers(parametersOf(input, 'header'))
    if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`)
    if (body !== undefined) headers.set('content-type', 'application/json')
    const response = await fetch(`${this.url}${pathTo(id, input)}`, {
      method: addresses[id].method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    }).catch((error: unknown) => {
      throw failureOf(error, signal)
    })
    if (response.ok) return response
    throw await refusalOf(response)
  }
}

/** An abort keeps its reason; every other failure is one of the network. */
function failureOf(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason
  return new NoAnswer(error instanceof Error ? error.message : String(error), { cause: error })
}
