import { expect } from 'chai'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { events, type KubeEvent, type Occurrence } from '../../../src/kube/events/event.ts'
import { EventRecorder } from '../../../src/kube/events/recorder.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

const never = new AbortController().signal
const pull: Occurrence = { type: 'Warning', reason: 'ImagePull', message: 'image not found', action: 'Wait' }

describe('event recorder in an outage', function () {
  this.timeout(30_000)
  let cluster: TestCluster
  let proxy: FaultProxy
  let client: KubeClient
  let object: ConfigMap
  let stop: AbortController
  let recorder: EventRecorder
  let ran: Promise<void>
  let tests = 0

  before(async () => {
    cluster = await openCluster()
    proxy = await startFaultProxy(cluster)
  })

  after(async () => {
    await proxy.close()
    await cluster.close()
  })

  beforeEach(async () => {
    tests += 1
    object = await cluster.client.create(configMaps, newConfigMap(cluster.namespace, `subject-${tests}`), never)
    stop = new AbortController()
    client = new KubeClient(proxy.connection(), { userAgent: 'recorder' })
    recorder = new EventRecorder({ client, component: 'runnerhub', instance: 'pod-1', log: new RecordedLog() })
    ran = recorder.run(stop.signal)
  })

  afterEach(async () => {
    proxy.clear()
    stop.abort()
    await ran
    await client.close()
  })

  const record = (message: string): void => recorder.record({ resource: configMaps, object }, { ...pull, message })

  async function written(): Promise<KubeEvent[]> {
    const fieldSelector = `regarding.uid=${object.metadata.uid}`
    return (await cluster.client.listPage(events, cluster.namespace, { fieldSelector }, never)).items
  }

  it('writes the queued Events once the server is back', async () => {
    const outage = proxy.when({}).cut()
    record('during the outage')
    await eventually(() => outage.hits >= 2)
    record('later in the outage')
    outage.remove()
    await eventually(async () => (await written()).length === 2)
  })

  it('writes one Event although its response was lost, and continues to count it', async () => {
    const lost = proxy.when({ method: 'POST', nth: 1 }).dropReply()
    const before = proxy.seen({ method: 'POST' }).length
    record('once')
    await eventually(() => proxy.seen({ method: 'POST' }).length === before + 2)
    expect(lost.hits).to.equal(1)
    record('once')
    await eventually(async () => (await written())[0]?.series?.count === 2)
    expect(await written()).to.have.length(1)
  })

  it('lets the process end within moments while the server hangs', async () => {
    const hang = proxy.when({}).stall()
    for (let index = 0; index < 10; index += 1) record(`message ${index}`)
    await eventually(() => hang.hits === 1)
    const stoppedAt = performance.now()
    stop.abort()
    await ran
    // A request that hangs would be given up after ten seconds.
    expect(performance.now() - stoppedAt).to.be.within(1500, 8000)
    expect(proxy.seen({ userAgent: /recorder/ }).length).to.be.at.least(2) // it tried to drain its queue
  })
})
