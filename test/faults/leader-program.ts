/**
 * A leader in its own process, to be stopped and killed. Its argument is a LeaderOptions as JSON. It prints a line once
 * it runs for leader. While it leads it writes the ConfigMap of the Lease's name. SIGUSR2 blocks its event loop for five
 * seconds. It ends with SIGTERM, or when its standard input is closed.
 */
import { KubeClient } from '../../src/kube/client/client.ts'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { LeaderElection } from '../../src/kube/election/leader-election.ts'
import { RecordedLog } from '../documents/recorded-log.ts'
import { writeWhileLeading } from './proxy/rule-of-one.ts'

export interface LeaderOptions {
  /** The API server, or a proxy before it that lets its callers in. */
  server: string
  ca: string
  namespace: string
  name: string
  identity: string
  leaseMs: number
  /** How many of its workers write at a time. */
  workers?: number
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests of leaders write it
const { server, ca, namespace, name, identity, leaseMs, workers } = JSON.parse(process.argv[2] ?? '') as LeaderOptions
const connection: Connection = { server: new URL(server), credentials: async () => ({ headers: {}, tls: { ca } }) }
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
process.stdin.resume().once('end', () => process.exit(1))
process.on('SIGUSR2', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000))

const election = new LeaderElection({
  client: new KubeClient(connection, { userAgent: `lease-${identity}` }),
  namespace,
  name,
  identity,
  leaseMs,
  log: new RecordedLog(),
})
const client = new KubeClient(connection, { userAgent: `writer-${identity}` })
console.log('running')
await election.run(writeWhileLeading(client, { namespace, name }, identity, workers), stop.signal)
process.exit(0)
