import { expect } from 'chai'
import { exited, ignored, running, succeeds } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type Listener, rawListener, socketIoListener } from './listener.ts'

const repository = 'owner/replicated'

describe('realtime events on two replicas', function () {
  this.timeout('60s')
  let site: Site
  let operators: Operator[]
  let listeners: Listener[]

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    operators = [await site.operator({ identity: 'operator-1', env: { LEASE_SECONDS: '5' } })]
    await operators[0]?.leads()
    operators.push(await site.operator({ identity: 'operator-2', env: { LEASE_SECONDS: '5' } }))
    listeners = await Promise.all(
      operators.flatMap(({ realtimeUrl }) => [
        rawListener(realtimeUrl, { token: TOKEN }),
        socketIoListener(realtimeUrl, { token: TOKEN, transport: 'websocket' }),
      ]),
    )
    for (const listener of listeners) await listener.send('subscribe:repository', repository)
  })
  after(() => {
    for (const listener of listeners) listener.close()
    return site.close()
  })

  const statusesOf = (listener: Listener, id: string) =>
    listener.received.filter(({ data }) => data['jobId'] === id).map(({ data }) => data['status'])

  async function delegate(jobIds: readonly string[], to: Operator | undefined): Promise<string[]> {
    const rest = new RestClient(to?.url ?? '')
    return Promise.all(jobIds.map((jobId) => rest.delegate({ jobId, runId: '1', repository, labels: ['linux'] })))
  }

  async function receiveAll(some: readonly Listener[], ids: readonly string[]): Promise<void> {
    for (const listener of some) {
      for (const id of ids) {
        const isOver = () => statusesOf(listener, id).includes('completed')
        await site.until(`${listener.name} to receive the end of ${id}`, isOver, 30_000)
        expect(statusesOf(listener, id), listener.name).to.deep.equal(['queued', 'assigned', 'running', 'completed'])
      }
    }
  }

  it('are the same on each replica, whichever replica the job was delegated to', async () => {
    site.kubelet.onPod(() => succeeds({ runMs: 200 }))
    await receiveAll(listeners, [
      ...(await delegate(['1', '2'], operators[0])),
      ...(await delegate(['3'], operators[1])),
    ])
  })

  it('are complete and not repeated, even if the leader is killed in between', async () => {
    site.kubelet.onPod(() => ignored())
    const ids = await delegate(['4', '5', '6', '7'], operators[1])
    const onOther = listeners.slice(2)
    for (const id of ids)
      await site.until(`${id} to be assigned`, () => onOther.every((l) => statusesOf(l, id).length === 2))
    for (const id of ids) await site.kubeletHas(id)
    operators[0]?.kill()
    for (const id of ids) await site.kubelet.apply(`${id}-1`, 'bind', running, (pod) => exited(pod, 0))
    await receiveAll(onOther, ids)
  })
})
