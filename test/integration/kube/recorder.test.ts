import { expect } from 'chai'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { events, type KubeEvent, type Occurrence } from '../../../src/kube/events/event.ts'
import { EventRecorder, type EventRecorderOptions } from '../../../src/kube/events/recorder.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { HandClock } from '../../observe/clock.ts'
import { eventually } from '../../observe/eventually.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { command } from '../../processes/command.ts'

const never = new AbortController().signal
const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const pull: Occurrence = { type: 'Warning', reason: 'ImagePull', message: 'image not found', action: 'Wait' }

describe('event recorder', () => {
  let cluster: TestCluster
  let object: ConfigMap
  let log: RecordedLog
  let stop: AbortController
  let ran: Promise<void> = Promise.resolve()
  let tests = 0

  before(async () => {
    cluster = await openCluster()
  })

  after(() => cluster.close())

  beforeEach(async () => {
    tests += 1
    object = await cluster.client.create(configMaps, newConfigMap(cluster.namespace, `subject-${tests}`), never)
    log = new RecordedLog()
    stop = new AbortController()
  })

  afterEach(async () => {
    stop.abort()
    await ran
  })

  function makeRecorder(options: Partial<EventRecorderOptions> = {}): EventRecorder {
    const { client } = cluster
    return new EventRecorder({ client, component: 'runnerhub', instance: 'pod-1', log, ...options })
  }

  function startRecorder(options: Partial<EventRecorderOptions> = {}): EventRecorder {
    const recorder = makeRecorder(options)
    ran = recorder.run(stop.signal)
    return recorder
  }

  const about = (): { resource: Resource; object: KubeObject } => ({ resource: configMaps, object })

  async function written(): Promise<KubeEvent[]> {
    const fieldSelector = `regarding.uid=${object.metadata.uid}`
    return (await cluster.client.listPage(events, cluster.namespace, { fieldSelector }, never)).items
  }

  const describeObject = (): Promise<string> => {
    const where = ['--kubeconfig', cluster.kubeconfig, '-n', cluster.namespace]
    return command('kubectl', ...where, 'describe', 'configmap', object.metadata.name)
  }

  it('writes Events that kubectl describe shows', async () => {
    startRecorder().record(about(), pull)
    await eventually(async () => (await written()).length)
    expect(await describeObject()).to.match(/Warning +ImagePull +\S+ +runnerhub\b.* image not found/)
  })

  it('writes one Event for a repeated occurrence, and counts it', async () => {
    const recorder = startRecorder()
    recorder.record(about(), pull)
    await eventually(async () => (await written()).length)
    for (let time = 2; time <= 5; time += 1) recorder.record(about(), pull)
    const [event, ...others] = await eventually(async () => {
      const found = await written()
      return found[0]?.series?.count === 5 && found
    })
    expect(others).to.deep.equal([])
    expect(Date.parse(event?.series?.lastObservedTime ?? '')).to.be.at.least(Date.parse(event?.eventTime ?? ''))
    expect(await describeObject()).to.match(/\(x5 over \S+\) +runnerhub\b.* image not found/)
    recorder.record(about(), { ...pull, message: 'another message' })
    await eventually(async () => (await written()).length === 2)
  })

  it('creates a new Event when the server has deleted the old one', async () => {
    const recorder = startRecorder()
    recorder.record(about(), pull)
    const [first] = await eventually(async () => (await written()).length > 0 && (await written()))
    const key = { namespace: cluster.namespace, name: first?.metadata.name ?? '' }
    await cluster.client.delete(events, key, {}, never)
    recorder.record(about(), pull)
    const [second] = await eventually(async () => (await written()).length > 0 && (await written()))
    expect(second?.metadata.uid).not.to.equal(first?.metadata.uid)
    expect(second?.series).to.equal(undefined)
    expect(log.lines).to.deep.equal([])
  })

  it('writes 25 Events about one object, then one every five minutes; each object has its own limit', async () => {
    const clock = new HandClock(new Date())
    const recorder = startRecorder({ clock })
    const flood = (): void => {
      for (let index = 0; index < 40; index += 1) recorder.record(about(), { ...pull, message: `message ${index}` })
    }
    flood()
    await eventually(async () => (await written()).length === 25)
    clock.jump(300_000)
    flood()
    const flooded = object
    object = await cluster.client.create(configMaps, newConfigMap(cluster.namespace, `calm-${tests}`), never)
    recorder.record(about(), pull)
    await eventually(async () => (await written()).length === 1) // it was the last in the queue
    object = flooded
    const counts = (await written()).map(({ series }) => series?.count ?? 1)
    expect([...counts].sort((a, b) => a - b)).to.deep.equal([...Array.from({ length: 24 }, () => 1), 2])
  })

  it('merges occurrences that repeat before the write into one write', async () => {
    const recorder = makeRecorder()
    for (let time = 0; time < 30; time += 1) recorder.record(about(), pull)
    recorder.record(about(), { ...pull, message: 'another message' })
    ran = recorder.run(stop.signal)
    const found = await eventually(async () => (await written()).length === 2 && (await written()))
    expect(found.map(({ series }) => series?.count)).to.have.members([30, undefined])
  })

  it('drops Events beyond its queue, and neither throws nor blocks', async () => {
    const recorder = makeRecorder({ maxQueue: 3 })
    for (let index = 0; index < 10; index += 1) recorder.record(about(), { ...pull, message: `message ${index}` })
    ran = recorder.run(stop.signal)
    await eventually(async () => (await written()).length === 3)
    recorder.record(about(), { ...pull, message: 'room again' })
    await eventually(async () => (await written()).length === 4)
    expect(log.lines.map(({ message }) => message)).to.deep.equal(Array.from({ length: 7 }, () => 'event dropped'))
  })

  it('drains its queue when it is stopped', async () => {
    const recorder = startRecorder()
    for (let index = 0; index < 10; index += 1) recorder.record(about(), { ...pull, message: `message ${index}` })
    stop.abort()
    await ran
    expect(await written()).to.have.length(10)
  })

  it('continues after an Event that the server rejects', async () => {
    const recorder = startRecorder()
    const elsewhere = { ...object, metadata: { ...object.metadata, namespace: 'no-such-namespace' } }
    recorder.record({ resource: configMaps, object: elsewhere }, { ...pull, message: 'refused' })
    recorder.record(about(), pull)
    await eventually(async () => (await written()).length === 1)
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).to.deep.equal(['warn cannot write event'])
  })

  it('truncates texts that the server would reject', async () => {
    const long = 'ä'.repeat(3000)
    startRecorder({ instance: long }).record(about(), { ...pull, reason: 'R'.repeat(200), message: long, action: '' })
    await eventually(async () => (await written()).length === 1)
  })

  it('records Events of objects without a namespace', async () => {
    object = await cluster.client.get(namespaces, { namespace: '', name: cluster.namespace }, never)
    startRecorder().record({ resource: namespaces, object }, pull)
    await eventually(async () => {
      const fieldSelector = `regarding.uid=${object.metadata.uid}`
      return (await cluster.client.listPage(events, 'default', { fieldSelector }, never)).items.length === 1
    })
  })
})
