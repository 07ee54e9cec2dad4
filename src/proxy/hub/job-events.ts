import { WebSocket } from 'ws'
import { Backoff } from '../../kube/runtime/backoff.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Hub } from './hub.ts'
import { elementsOf, fieldsOf, parsed } from '../../api/json.ts'

/** One job, and the listener for its states. */
export interface JobEventsOptions {
  url: URL
  hub: Hub
  repository: string
  jobId: string
  clock: Clock
  random: () => number
  /** A state of the job; `gone` where the hub does not know the job any more. */
  onState: (state: string) => void
}

/** How long a connection may be silent before it is asked for a sign of life, and after that. */
const SILENCE_MS = 30_000

/** How long to wait where the hub refuses the connection: its rights do not change from one second to the next. */
const REFUSED_MS = 5 * 60_000

/** Follows one job over the hub's WebSocket, which it opens again as often as it ends. */
export class JobEvents {
  readonly #options: JobEventsOptions
  #isLive = false

  constructor(options: JobEventsOptions) {
    this.#options = options
  }

  /** Whether a change of the job would be heard now. */
  get isLive(): boolean {
    return this.#isLive
  }

  async follow(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    const backoff = new Backoff({ clock, random, minMs: 500, maxMs: 60_000, resetAfterMs: 60_000 })
    while (!signal.aborted) {
      const { wasLive, isRefused } = await this.#connection(signal).catch(() => ({ wasLive: false, isRefused: false }))
      this.#isLive = false
      if (wasLive) backoff.healthy()
      const delayMs = Math.max(backoff.next(), isRefused ? REFUSED_MS : 0)
      await clock.sleep(delayMs, signal).catch(() => {})
    }
  }

  /** One connection, from its beginning to its end. */
  async #connection(signal: AbortSignal): Promise<{ wasLive: boolean; isRefused: boolean }> {
    const { url, hub, repository, clock } = this.#options
    const { token, ca } = await hub.credentials()
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: 10_000,
      maxPayload: 4 * 1024 * 1024,
      perMessageDeflate: false,
      ...(ca !== undefined && { ca }),
    })
    return new Promise((resolve) => {
      let isRefused = false
      let stopTimer = (): void => {}
      const heard = (): void => {
        stopTimer()
        stopTimer = clock.setTimer(() => {
          socket.ping()
          stopTimer = clock.setTimer(() => socket.terminate(), SILENCE_MS)
        }, SILENCE_MS)
      }
      const leave = (): void => socket.terminate()
      signal.addEventListener('abort', leave, { once: true })
      socket.on('open', () => {
        heard()
        socket.send(JSON.stringify({ event: 'subscribe:repository', data: { repository, snapshot: true } }))
      })
      socket.on('ping', heard).on('pong', heard)
      socket.on('message', (data) => {
        heard()
        this.#take(Buffer.isBuffer(data) ? data.toString('utf8') : '')
      })
      socket.on('unexpected-response', (_request, { statusCode = 0 }) => {
        isRefused = statusCode >= 400 && statusCode < 500
        socket.terminate()
      })
      // The reason does not matter: REST says how the job is doing.
      socket.on('error', () => {})
      socket.on('close', () => {
        stopTimer()
        signal.removeEventListener('abort', leave)
        resolve({ wasLive: this.#isLive, isRefused })
      })
    })
  }

  #isInSnapshot = false

  #take(text: string): void {
    const { event, data } = fieldsOf(parsed(text))
    if (event === 'job:snapshot') return this.#takeSnapshot(fieldsOf(data))
    if (event !== 'job:status' && event !== 'job:delegated') return
    const { jobId, status } = fieldsOf(data)
    if (jobId === this.#options.jobId && typeof status === 'string') this.#options.onState(status)
  }

  #takeSnapshot({ jobs, last }: Record<string, unknown>): void {
    const ours = elementsOf(jobs)
      .map(fieldsOf)
      .find(({ jobId }) => jobId === this.#options.jobId)
    if (ours !== undefined) {
      this.#isInSnapshot = true
      if (typeof ours['status'] === 'string') this.#options.onState(ours['status'])
    }
    if (last !== true) return
    this.#isLive = true
    if (!this.#isInSnapshot) this.#options.onState('gone')
    this.#isInSnapshot = false
  }
}
