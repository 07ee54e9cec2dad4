import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Rule, SeenRequest } from './rules.ts'

/** How long a response needs to its client, on one machine. */
const ARRIVAL_MS = 10

/** One request at the proxy, and the faults that apply to it. */
export class Exchange {
  readonly seen: SeenRequest
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #cut: () => void
  readonly #rules: Rule[]
  #rest = ''

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    met: { seen: SeenRequest; rules: Rule[]; cut: () => void },
  ) {
    this.#request = request
    this.#response = response
    this.seen = met.seen
    this.#rules = met.rules
    this.#cut = met.cut
  }

  /** Applies a fault to an open exchange. */
  meet(rule: Rule): void {
    this.#rules.push(rule)
    if (rule.fault.is === 'cut') this.#cut()
  }

  /** Inserts a line between the server's lines. */
  write(line: string): void {
    this.#response.write(`${line}\n`)
  }

  /** Ends the response normally. */
  end(): void {
    this.#response.end()
  }

  /** Applies the faults of the request; `forward` is called if it may go to the server. */
  async run(forward: (body: Buffer) => Promise<IncomingMessage>): Promise<void> {
    const body = await buffer(this.#request)
    for (const rule of this.#rules) if (await this.#endsBefore(rule)) return
    // As in a real network, a delayed write arrives even if its client has given up.
    if (this.#response.destroyed && this.seen.method === 'GET') return
    const reply = await forward(body)
    this.seen.status = reply.statusCode ?? 0
    if (this.#has('dropReply')) {
      await buffer(reply)
      return this.#cut()
    }
    for (const { fault } of this.#rules) {
      if (fault.is === 'afterwards') this.#response.once('finish', () => setTimeout(fault.act, ARRIVAL_MS))
    }
    const { 'content-length': _, 'transfer-encoding': __, ...headers } = reply.headers
    this.#response.writeHead(this.seen.status, headers)
    this.#response.flushHeaders()
    await (this.#isWatch() ? this.#passLines(reply) : this.#passWhole(reply))
  }

  /** True if a fault has ended the exchange before the server got the request. */
  async #endsBefore({ fault, removed }: Rule): Promise<boolean> {
    if (fault.is === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms))
    if (fault.is === 'stall') await removed
    if (fault.is === 'swallow') await removed
    if (fault.is === 'cut' || fault.is === 'swallow') this.#cut()
    if (fault.is === 'answer') {
      this.#response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
      this.#response.end(typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body))
    }
    return fault.is === 'cut' || fault.is === 'swallow' || fault.is === 'answer'
  }

  async #passWhole(reply: IncomingMessage): Promise<void> {
    if (this.#has('rewrite')) {
      this.#response.end(this.#rewritten((await buffer(reply)).toString()))
      return
    }
    for await (const chunk of reply) {
      await this.#unstalled()
      this.#response.write(chunk)
    }
    this.#response.end()
  }

  async #passLines(reply: IncomingMessage): Promise<void> {
    reply.setEncoding('utf8')
    for await (const chunk of reply) {
      const lines = `${this.#rest}${String(chunk)}`.split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) {
        await this.#unstalled()
        if (this.#has('cutMidLine')) return this.#cutMid(line)
        this.#response.write(`${this.#rewritten(line)}\n`)
      }
    }
    this.#response.end(this.#rest)
  }

  /** Sends half a line, then resets the connection. */
  #cutMid(line: string): void {
    this.#response.write(line.slice(0, line.length / 2), () => this.#cut())
  }

  async #unstalled(): Promise<void> {
    for (const { active, fault, removed } of this.#rules) {
      if (!active || (fault.is !== 'stall' && fault.is !== 'swallow')) continue
      await removed
      if (fault.is === 'swallow') this.#cut()
    }
  }

  #rewritten(text: string): string {
    return this.#rules.reduce(
      (now, { fault, active }) => (fault.is === 'rewrite' && active ? fault.change(now) : now),
      text,
    )
  }

  #has(fault: Rule['fault']['is']): boolean {
    return this.#rules.some((rule) => rule.active && rule.fault.is === fault)
  }

  #isWatch(): boolean {
    return /[?&]watch=(true|1)/.test(this.seen.path)
  }
}
