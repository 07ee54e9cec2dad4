/**
 * A leader in its own process, to be stopped and killed. Arguments: kubeconfig, namespace, name, identity, leaseMs.
 * While it leads it writes the ConfigMap of the Lease's name. SIGUSR2 blocks its event loop for five seconds. It ends
 * with SIGTERM, or when its standard input is closed.
 */
import { KubeClient } from '../../src/kube/client/client.ts'
import { fromKubeconfig } from '../../src/kube/connection/connection.ts'
import { LeaderElection } from '../../src/kube/election/leader-election.ts'
import { RecordedLog } from '../documents/recorded-log.ts'
import { writeWhileLeading } from './proxy/rule-of-one.ts'

const [kubeconfig, namespace = '', name = '', identity = '', leaseMs = ''] = process.argv.slice(2)
const connection = await fromKubeconfig(kubeconfig)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
process.stdin.resume().once('end', () => process.exit(1))
process.on('SIGUSR2', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000))

const election = new LeaderElection({
  client: new KubeClient(connection, { userAgent: `lease-${identity}` }),
  namespace,
  name,
  identity,
  leaseMs: Number(leaseMs),
  log: new RecordedLog(),
})
const client = new KubeClient(connection, { userAgent: `writer-${identity}` })
await election.run(writeWhileLeading(client, { namespace, name }, identity), stop.signal)
process.exit(0)
