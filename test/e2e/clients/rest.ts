import { asObject } from '../../../src/kube/client/parse.ts'
import { expectDocumented } from '../../documents/documented.ts'

export interface Answer {
  status: number
  headers: Headers
  body: string
  /** `data` of the envelope. */
  data: Record<string, unknown>
}

let delegations = 0

/** The REST API, as the owner of the local token calls it. */
export class Rest {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await this.open(method, path, body)
    const text = await response.text()
    const { headers, status } = response
    expectDocumented({ method, url: `${this.url}${path}`, status, headers, text })
    const isJson = headers.get('content-type')?.startsWith('application/json') === true
    const envelope = asObject(isJson ? JSON.parse(text) : undefined)
    return { status, headers, body: text, data: asObject(envelope['data']) }
  }

  /** A response whose body is still being received. */
  open(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: { Authorization: 'Bearer your-token', 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  /** Delegates a new job, and returns its id. */
  async delegate(fields: Record<string, unknown>): Promise<string> {
    delegations += 1
    const facts = { jobId: String(delegations), runId: '789012', repository: 'owner/repo' }
    const { status, body, data } = await this.call('POST', '/api/jobs/delegate', { ...facts, ...fields })
    if (status !== 201) throw new Error(`delegate returned ${status}: ${body}`)
    return String(data['delegationId'])
  }

  /** The detail of a job. */
  async job(id: string): Promise<Record<string, unknown>> {
    return (await this.call('GET', `/api/jobs/${id}`)).data
  }

  /** The lines of a job's log. */
  async log(id: string, query = ''): Promise<string[]> {
    const { data } = await this.call('GET', `/api/jobs/${id}/logs${query}`)
    return linesOf(String(data['logs']))
  }
}

/** The lines of a text, without the end of the last. */
export function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

/** The output of the job: the lines without their timestamps, each of which must exist. */
export function printed(lines: readonly string[]): string[] {
  return lines.map((line) => {
    const [, printedLine] = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z (.*)$/.exec(line) ?? []
    if (printedLine === undefined) throw new Error(`no timestamp of the kubelet before: ${line}`)
    return printedLine
  })
}
