import { expect } from 'chai'
import { io, type Socket } from 'socket.io-client'
import { configMaps } from '../../src/api/config-map.ts'
import type { KubeObject, Resource } from '../../src/api/object.ts'
import { pods } from '../../src/api/pod.ts'
import { runners } from '../../src/api/runner.ts'
import { leases } from '../../src/kube/election/lease.ts'
import { chart, refusalOf } from '../charts/chart.ts'
import { type Follower, followers } from './clients/followers.ts'
import { type ChartInstallation, installByChart } from './installation/chart-installation.ts'
import type { Installation } from './installation/installation.ts'
import { untilSignalled } from './installation/pools.ts'

const auth = { token: 'your-token' }
const definition = 'crd/runnerpools.runnerhub.dev'
const specFields = '{.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties}'

describe('the chart on a real node', function () {
  this.timeout('6m')
  let installation: ChartInstallation
  let hub: Installation
  const sockets: Socket[] = []
  const following: [name: string, follower: Follower][] = []

  before('is installed', async function () {
    this.timeout('12m')
    installation = await installByChart()
    ;({ hub } = installation)
  })
  after('is removed', async () => {
    for (const socket of sockets) socket.close()
    for (const [, follower] of following) follower.close()
    await installation?.close()
  })

  const names = async <T extends KubeObject>(resource: Resource<T>): Promise<string[]> => {
    const { items } = await hub.client.listPage(resource, hub.namespace, {}, AbortSignal.timeout(10_000))
    return items.map(({ metadata }) => metadata.name)
  }
  const operatorPods = async (): Promise<string[]> => {
    const labels = 'app.kubernetes.io/component=operator'
    return (await hub.kubectl('get', 'pods', '--selector', labels, '--output=name')).split('\n').filter(Boolean)
  }

  it('runs two replicas, and passes helm test', async () => {
    expect(await operatorPods()).to.have.length(2)
    const output = await installation.helm('test', 'runnerhub', '--logs')
    expect(output).to.match(/Phase: +Succeeded/)
    expect(output).to.include('the job is completed, and its log was read')
  })

  it('keeps each of 50 Socket.IO clients with default transports on one of the replicas', async function () {
    if (hub.clusterKind !== 'local') this.skip()
    const address = await hub.kubectl('get', 'service', 'runnerhub-realtime', '--output=jsonpath={.spec.clusterIP}')
    const failures: string[] = []
    const connected = Array.from({ length: 50 }, () => {
      const socket = io(`http://${address.trim()}:3001`, { auth, forceNew: true, reconnection: false })
      sockets.push(socket)
      return new Promise<void>((resolve) => {
        socket.once('connect', () => resolve())
        socket.once('connect_error', (error) => {
          failures.push(error.message)
          resolve()
        })
      })
    })
    await Promise.all(connected)
    expect(failures).to.deep.equal([])
    for (const socket of sockets.splice(0)) socket.close()
  })

  it('is upgraded with other values and another CRD while 20 jobs run: none is lost or run again, each end is reported', async () => {
    const repository = 'owner/upgrade'
    await hub.createPool('long', { script: untilSignalled, maxRunners: 20 })
    const realtime = `http://127.0.0.1:${hub.realtimePort}`
    for (const [name, follow] of Object.entries(followers)) following.push([name, follow(realtime, repository)])
    const ids = await Promise.all(Array.from({ length: 20 }, () => hub.rest.delegate({ repository, labels: ['long'] })))
    for (const id of ids) await hub.jobIs(id, { phase: 'Running' }, 120_000)
    const podUids = async (): Promise<unknown[]> =>
      Promise.all(ids.map(async (id) => (await hub.pod(id))?.metadata.uid))
    const [podsBefore, operatorsBefore] = [await podUids(), await operatorPods()]
    const former = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/formerField'
    const patch = JSON.stringify([{ op: 'add', path: former, value: { type: 'string' } }])
    await hub.kubectl('patch', definition, '--type=json', '--field-manager=helm', `--patch=${patch}`)

    const values = ['settings.logLevel=debug', 'defaultPool.maxRunners=7']
    const flags = ['--wait', '--reset-then-reuse-values', '--set', values.join()]
    const upgraded = installation.helm('upgrade', 'runnerhub', chart, ...flags)
    const [meanwhile, afterwards] = [ids.slice(0, 10), ids.slice(10)]
    const isNew = (pod: string): boolean => !operatorsBefore.includes(pod)
    const endMeanwhile = async (): Promise<void> => {
      await hub.until('the first replica to be replaced', async () => (await operatorPods()).some(isNew), 120_000)
      await Promise.all(meanwhile.map((id) => hub.finishJob(id)))
    }
    await Promise.all([upgraded, endMeanwhile()])
    expect(await hub.kubectl('get', definition, `--output=jsonpath=${specFields}`)).to.not.include('formerField')
    expect(await hub.kubectl('get', 'rp', 'default', '--output=jsonpath={.spec.maxRunners}')).to.equal('7')
    await hub.until('both replicas to be replaced', async () => {
      const now = await operatorPods()
      return now.length === 2 && now.every(isNew)
    })
    for (const id of afterwards) expect((await hub.job(id))?.status.phase).to.equal('Running')

    await Promise.all(afterwards.map((id) => hub.finishJob(id)))
    for (const id of ids) await hub.jobIs(id, { phase: 'Completed', reason: 'Succeeded' }, 60_000)
    expect(await podUids()).to.deep.equal(podsBefore)
    for (const [name, { statuses, connections }] of following) {
      const hasAll = (): boolean => ids.every((id) => statuses.get(id) === 'completed')
      await hub.until(`a ${name} client to receive the end of all jobs`, hasAll)
      expect(connections(), `connections of ${name}`).to.be.at.least(2)
    }
  })

  it('rejects a wrong value with its reason, and changes nothing', async () => {
    const revisions = await installation.helm('list', '--output=json')
    expect(await refusalOf('--set', 'replicaCount=two')).to.include("at '/replicaCount': got string, want integer")
    const upgraded = installation.helm('upgrade', 'runnerhub', chart, '--set', 'replicaCount=two')
    const failure = await upgraded.then(
      () => 'not refused',
      (error: unknown) => String(error),
    )
    expect(failure).to.include("at '/replicaCount': got string, want integer")
    expect(await installation.helm('list', '--output=json')).to.equal(revisions)
  })

  it('is rolled back', async () => {
    const before = await operatorPods()
    await installation.helm('rollback', 'runnerhub', '1', '--wait')
    expect(await hub.kubectl('get', 'rp', 'default', '--output=jsonpath={.spec.maxRunners}')).to.equal('20')
    await hub.until('only the replicas of the rollback to remain', async () => {
      const now = await operatorPods()
      return now.length === 2 && now.every((pod) => !before.includes(pod))
    })
    // The forward may still lead to a deleted pod: a failed call is tried again.
    const id = await hub.until('a job to be delegated', () => hub.rest.delegate({ labels: ['self-hosted'] }))
    await hub.jobIs(id, { phase: 'Completed' })
  })

  it('is uninstalled while jobs run, with all but RunnerJobs and own pools; then its namespace goes in a minute', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => hub.rest.delegate({ labels: ['long'] })))
    for (const id of ids) await hub.jobIs(id, { phase: 'Running' }, 60_000)
    await installation.helm('uninstall', 'runnerhub', '--wait')
    await hub.until('the last pods to be gone', async () => (await names(pods)).length === 0)
    expect(await names(runners)).to.deep.equal([])
    expect(await names(leases)).to.deep.equal([])
    // The logs of RunnerJobs belong to them.
    expect((await names(configMaps)).filter((name) => !name.startsWith('log-'))).to.deep.equal(['kube-root-ca.crt'])
    const kinds = 'all,secrets,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets'
    // Helm waits for its own objects only: the garbage collector deletes their dependents later.
    await hub.until('nothing else to remain', async () => {
      const remaining = (await hub.kubectl('get', kinds, '--output=name')).split('\n').filter(Boolean)
      expect(remaining).to.have.members(['secret/my-tokens', 'serviceaccount/default'])
      return true
    })
    const wide = await hub.kubectl('get', 'clusterroles,clusterrolebindings', '--output=name')
    expect(wide).to.not.include(hub.namespace)
    expect((await hub.kubectl('get', 'rp', '--output=name')).trim()).to.equal('runnerpool.runnerhub.dev/long')
    for (const id of ids) expect((await hub.job(id))?.metadata.name).to.equal(id)
    expect(await hub.kubectl('get', definition, '--output=name')).to.include('runnerpools')

    const begun = performance.now()
    await hub.kubectl('delete', 'namespace', hub.namespace, '--timeout=90s')
    expect(performance.now() - begun).to.be.below(60_000)
  })
})
