import { runnerPools } from '../../../src/api/runner-pool.ts'
import { parseObject } from '../../../src/kube/client/parse.ts'
import { BareClient, inFlight } from '../stage/bare-client.ts'
import { postPair } from './raw-pair.ts'

// The raw client of the drain, in its own process so that nothing else slows it down.
// Arguments: server, CA, token, RunnerPool as JSON, number of jobs. Prints the CPU seconds that it used.
const [server = '', ca = '', token = '', poolJson = '', jobs = ''] = process.argv.slice(2)
const pool = parseObject(runnerPools, JSON.parse(poolJson))
const client = new BareClient({ server, ca, token, userAgent: 'runnerhub-raw-client/0.1.0' })
await inFlight(64, Number(jobs), async (index) => void (await postPair(client, pool, index)))
await client.close()
const { user, system } = process.cpuUsage()
process.stdout.write(String((user + system) / 1e6))
