import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { cluster } from '../cluster/tool.ts'
import { inWords } from '../observe/audit.ts'
import { type Follower, followers } from './clients/followers.ts'
import { linesOf, printed } from './clients/rest.ts'
import { RetryingClient } from './clients/retrying-client.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'
import { killOperator } from './installation/operator-process.ts'

const outageSeconds = 6
const inFlight = 50

/** What an administrator tries before trusting the service: on the chart's two replicas, behind their Service. */
describe('two replicas on a real node', function () {
  this.timeout('5m')
  const installation = installed({
    own: 'chart',
    setUp: (hub) =>
      Promise.all([
        hub.createPool('quick', { script: 'echo done', maxRunners: 10 }),
        hub.createPool('slow', { script: 'echo begun; sleep 3; echo over', maxRunners: 20 }),
        hub.createPool('long', { script: `sleep ${outageSeconds / 2}` }),
      ]),
  })
  let hub: Installation
  let client: RetryingClient

  before(async () => {
    hub = installation()
    client = new RetryingClient(await hub.serviceUrl())
  })

  let delegations = 0
  async function delegate(label: string): Promise<string> {
    delegations += 1
    const facts = { jobId: String(delegations), runId: '1', repository: 'owner/steady', labels: [label] }
    const { status, data } = await client.call('POST', '/api/jobs/delegate', facts)
    expect(status, JSON.stringify(data)).to.equal(201)
    return String(data['delegationId'])
  }

  async function operatorPods(): Promise<string[]> {
    return (await hub.operatorPods()).map(({ metadata }) => metadata.name)
  }

  /** Each job exists once, has succeeded, and had one pod ever. */
  async function expectAllOnce(ids: readonly string[]): Promise<void> {
    expect(new Set(ids).size).to.equal(ids.length)
    for (const id of ids) await hub.jobIs(id, { phase: 'Completed' }, 120_000)
    const writes = await hub.audit.writes(hub.namespace)
    const created = writes.filter(
      ({ verb, resource, subresource, code, isDryRun, userAgent }) =>
        `${verb} ${resource}${subresource}` === 'create pods' &&
        code < 300 &&
        !isDryRun &&
        userAgent.startsWith('runnerhub-'),
    )
    const wanted = new Set(ids.map((id) => `${id}-1`))
    const names = created.map(({ name }) => name).filter((name) => wanted.has(name))
    expect(names.toSorted(), inWords(created).join('\n')).to.deep.equal([...wanted].toSorted())
  }

  /** Each follower has received the state that REST has, of every job. */
  async function expectFollowed(following: readonly [string, Follower][], ids: readonly string[]): Promise<void> {
    const states = await Promise.all(
      ids.map(async (id) => [id, (await client.call('GET', `/api/jobs/${id}`)).data['status']] as const),
    )
    for (const [name, { statuses, connections }] of following) {
      const missing = () => states.filter(([id, state]) => statuses.get(id) !== state)
      await hub.until(`${name} to receive the end of every job`, () => missing().length === 0).catch(() => {})
      expect(missing(), `ends that ${name} has not received`).to.deep.equal([])
      expect(connections(), `connections of ${name}`).to.be.at.least(2)
    }
  }

  it('lose no call, no job and no end of a job in a rolling restart under steady calls', async () => {
    await hub.audit.mark()
    const before = await operatorPods()
    const realtime = `http://127.0.0.1:${hub.realtimePort}`
    const following = Object.entries(followers).map(([name, follow]): [string, Follower] => [
      name,
      follow(realtime, 'owner/steady'),
    ])
    await hub.until('clients to listen', () => following.every(([, { connections }]) => connections() > 0))
    const over = new AbortController()
    const restart = async (): Promise<void> => {
      await hub.kubectl('rollout', 'restart', 'deployment/runnerhub')
      await hub.kubectl('rollout', 'status', 'deployment/runnerhub', '--timeout=90s')
      const isOld = (pod: string): boolean => before.includes(pod)
      await hub.until('the old replicas to be gone', async () => !(await operatorPods()).some(isOld), 60_000)
    }
    const restarting = restart().finally(() => over.abort())
    const [delegating, reading]: [Promise<string>[], Promise<{ status: number }>[]] = [[], []]
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      if (turn % 5 === 0) delegating.push(delegate('quick'))
      reading.push(client.call('GET', '/api/jobs'))
      await sleep(200)
    }
    await restarting
    const ids = await Promise.all(delegating)
    const reads = await Promise.all(reading)
    console.log(`      ${ids.length} delegations, ${reads.length} reads, ${client.retries} attempts sent again`)
    expect(ids).to.have.length.above(5)
    for (const { status } of reads) expect(status).to.equal(200)
    await expectAllOnce(ids)
    await expectFollowed(following, ids)
    for (const [, follower] of following) follower.close()
  })

  it(`lose no job and start none twice when the leader is killed with ${inFlight} in flight`, async () => {
    await hub.audit.mark()
    const ids = await Promise.all(Array.from({ length: inFlight }, () => delegate('slow')))
    await hub.until('some to run', async () => (await hub.jobs()).some(({ status }) => status.phase === 'Running'))
    await killOperator(hub, await hub.leader())
    await expectAllOnce(ids)
    const logs = await Promise.all(ids.map((id) => client.call('GET', `/api/jobs/${id}/logs`)))
    for (const [index, { data }] of logs.entries()) {
      expect(printed(linesOf(String(data['logs']))), `the log of ${ids[index]}`).to.deep.equal(['begun', 'over'])
    }
  })

  it('end in time on SIGTERM, and release the Lease', async () => {
    const name = await hub.leader()
    const patch = (patches: object[]) =>
      hub.kubectl('patch', 'pod', name, '--type=json', '--patch', JSON.stringify(patches))
    // The pod is kept until the test has seen how its container ended.
    const [finalizers, kept] = ['/metadata/finalizers', 'runnerhub.dev/test']
    await patch([{ op: 'add', path: finalizers, value: [kept] }])
    try {
      await hub.kubectl('scale', 'deployment/runnerhub', '--replicas=0')
      const ended = '{.status.containerStatuses[0].state.terminated'
      const termination = await hub.until(
        'the container to have ended',
        async () => {
          const fields = `${ended}.exitCode} ${ended}.finishedAt} {.metadata.deletionTimestamp}`
          const words = (await hub.kubectl('get', 'pod', name, `--output=jsonpath=${fields}`)).trim().split(' ')
          return words.length === 3 ? words : undefined
        },
        60_000,
      )
      const [code, finishedAt = '', killedAt = ''] = termination
      expect(code, 'not 137, as after a kill').to.equal('0')
      expect(Date.parse(finishedAt), `ended at ${finishedAt}`).to.be.below(Date.parse(killedAt))
      const holder = () => hub.kubectl('get', 'lease', 'runnerhub', '--output=jsonpath={.spec.holderIdentity}')
      // The other may have taken it from this one before its own stop signal.
      await hub.until('the Lease to be released', async () => (await holder()) === '')
    } finally {
      await patch([{ op: 'remove', path: finalizers }])
      await hub.kubectl('scale', 'deployment/runnerhub', '--replicas=2')
      await hub.kubectl('rollout', 'status', 'deployment/runnerhub', '--timeout=90s')
    }
  })

  it('accept a rotated token without a restart, and reject the old one', async () => {
    const patch = JSON.stringify({ stringData: { 'tokens.csv': 'next-token,local,local,runnerhub:admins\n' } })
    await hub.kubectl('patch', 'secret', 'my-tokens', '--type=merge', '--patch', patch)
    const url = await hub.serviceUrl()
    const [next, old] = [new RetryingClient(url, 'next-token'), client]
    const codesOf = async (caller: RetryingClient): Promise<number[]> => {
      // Connections are spread over the replicas: several must all agree.
      const asked = await Promise.all(Array.from({ length: 10 }, () => caller.call('GET', '/api/jobs')))
      return [...new Set(asked.map(({ status }) => status))]
    }
    let codes = ''
    const isKnown = async (): Promise<boolean> => {
      codes = `new ${String(await codesOf(next))}, old ${String(await codesOf(old))}`
      return codes === 'new 200, old 401'
    }
    await hub.until('both replicas to know it', isKnown, 150_000).catch((error: unknown) => {
      throw new Error(`the last status codes: ${codes}`, { cause: error })
    })
    client = next
  })

  it('report that the cluster refuses when their Role is deleted, and continue once it is back', async () => {
    const known = await delegate('quick')
    const binding = await hub.kubectl('get', 'rolebinding', 'runnerhub', '--output=json')
    await hub.kubectl('delete', 'rolebinding', 'runnerhub')
    try {
      let attempts = 0
      const answer = await hub.until('a delegation to be refused', async () => {
        attempts += 1
        // Each is a new job: a repeated one would be answered without a call to the cluster.
        const facts = { jobId: `without-rights-${attempts}`, runId: '1', repository: 'owner/steady', labels: ['quick'] }
        const { status, headers } = await client.once('POST', '/api/jobs/delegate', facts)
        return status === 503 ? headers : undefined
      })
      expect(Number(answer.get('retry-after'))).to.be.above(0)
      expect((await client.once('GET', `/api/jobs/${known}`)).status, 'a read from the caches').to.equal(200)
    } finally {
      await hub.apply(binding)
    }
    await expectCompleted(await delegate('quick'))
  })

  it(`keep jobs running and known while the cluster's API is away for ${outageSeconds} s`, async function () {
    if (hub.clusterKind !== 'local') this.skip()
    await hub.audit.mark()
    const running = [await delegate('long'), await delegate('long')]
    for (const id of running) await hub.jobIs(id, { phase: 'Running' })
    const path = `/api/jobs/${running[0]}`
    // Each replica has its own cache of permissions: many connections reach both.
    await Promise.all(Array.from({ length: 40 }, () => client.call('GET', path)))
    const pid = Number(
      (await readFile(join(dirname(hub.place.kubeconfig), 'parts/kube-apiserver.pid'), 'utf8')).split(' ')[0],
    )
    process.kill(pid, 'SIGKILL')
    const killedAt = performance.now()
    let delegated: Promise<string> | undefined
    try {
      await hub.until('/health to return 503', async () => (await client.once('GET', '/health')).status === 503)
      expect((await client.once('GET', path)).status, 'a job that is known').to.equal(200)
      const facts = { jobId: 'in-outage', runId: '1', repository: 'owner/steady', labels: ['quick'] }
      const refused = await client.once('POST', '/api/jobs/delegate', facts)
      expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).to.deep.equal([503, true])
      delegated = delegate('quick')
      await sleep(outageSeconds * 1000 - (performance.now() - killedAt))
    } finally {
      await cluster('up')
    }
    await expectAllOnce([...running, await delegated])
  })

  async function expectCompleted(id: string): Promise<void> {
    await hub.jobIs(id, { phase: 'Completed' }, 120_000)
  }
})
