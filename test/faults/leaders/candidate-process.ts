import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { bundled } from '../../processes/bundled.ts'
import type { TestCluster } from '../../processes/cluster.ts'
import type { LeaderOptions } from '../leader-program.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'
import type { SeenRequest } from '../proxy/rules.ts'

type Child = ChildProcessByStdio<Writable, Readable, null>
type Options = Pick<LeaderOptions, 'name' | 'identity' | 'leaseMs' | 'workers'>

/** A candidate in its own process, behind its own proxy. */
export class CandidateProcess {
  readonly identity: string
  readonly proxy: FaultProxy
  readonly #process: Child
  readonly #exited: Promise<unknown>

  private constructor(identity: string, proxy: FaultProxy, child: Child) {
    this.identity = identity
    this.proxy = proxy
    this.#process = child
    this.#exited = once(child, 'exit')
  }

  /** Resolves when it runs for leader. */
  static async start(cluster: TestCluster, options: Options): Promise<CandidateProcess> {
    const candidate = await CandidateProcess.begin(cluster, options)
    // However long its start takes: the waits of the tests begin after it.
    const ended = candidate.#exited.then(() => Promise.reject(new Error(`${options.identity} ended at its start`)))
    await Promise.race([once(candidate.#process.stdout, 'data'), ended])
    return candidate
  }

  /** Resolves before it has sent anything. */
  static async begin(cluster: TestCluster, own: Options): Promise<CandidateProcess> {
    const proxy = await startFaultProxy(cluster)
    const { namespace } = cluster
    const options: LeaderOptions = { server: proxy.url.href, ca: proxy.ca, namespace, ...own }
    // Standard input stays open for as long as the test lives: the process ends with it.
    const command = [await bundled('test/faults/leader-program.ts'), JSON.stringify(options)]
    const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] })
    return new CandidateProcess(own.identity, proxy, child)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  since(at: number): SeenRequest[] {
    return this.proxy.requests.filter((request) => request.at >= at)
  }

  /** When its first successful write of the Lease after this time arrived. */
  tookLeaseAt(after: number): number {
    const write = this.since(after).find(({ method, path, status }) => {
      return method === 'PUT' && path.includes('/leases/') && status === 200
    })
    if (write === undefined) throw new Error(`${this.identity} has not taken the Lease`)
    return write.at
  }

  async exitCode(): Promise<number | null> {
    await this.#exited
    return this.#process.exitCode
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#exited
    await this.proxy.close()
  }
}
