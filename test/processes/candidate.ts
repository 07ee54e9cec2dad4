import { KubeClient } from '../../src/kube/client/client.ts'
import type { RequestOutcome } from '../../src/kube/client/exchange.ts'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { LeaderElection, type LeaderElectionOptions, type Leadership } from '../../src/kube/election/leader-election.ts'
import { RecordedLog } from '../documents/recorded-log.ts'

export interface CandidateOptions extends Partial<LeaderElectionOptions> {
  identity: string
  /** The work of the leader; by default it waits for the end of the term. */
  lead?: (term: Leadership) => Promise<void>
}

/** The Lease of the candidates. */
export interface Seat {
  connection: Connection
  namespace: string
  name: string
}

/** Runs leader election in this process and records its terms and requests. Stop it at the end of the test. */
export class TestCandidate {
  readonly identity: string
  readonly log = new RecordedLog()
  readonly terms: Leadership[] = []
  readonly requests: RequestOutcome[] = []
  readonly election: LeaderElection
  readonly client: KubeClient
  readonly #stop = new AbortController()
  readonly #ran: Promise<void>

  constructor({ connection, namespace, name }: Seat, { lead = untilAborted, ...options }: CandidateOptions) {
    this.identity = options.identity
    const userAgent = `candidate-${options.identity}`
    this.client = new KubeClient(connection, { userAgent, onRequest: (outcome) => this.requests.push(outcome) })
    this.election = new LeaderElection({
      client: this.client,
      namespace,
      name,
      leaseMs: 6000,
      retryMs: 250,
      log: this.log,
      ...options,
    })
    const noted = async (term: Leadership): Promise<void> => {
      this.terms.push(term)
      await lead(term)
    }
    this.#ran = this.election.run(noted, this.#stop.signal)
  }

  get isLeader(): boolean {
    return this.election.isLeader()
  }

  /** Warnings and errors. */
  get complaints(): string[] {
    return this.log.lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message)
  }

  /** Stops as on SIGTERM; resolves once everything is released. */
  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return await this.#ran
    this.#stop.abort()
    await this.#ran
    await this.client.close()
  }
}

export function untilAborted({ signal }: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
