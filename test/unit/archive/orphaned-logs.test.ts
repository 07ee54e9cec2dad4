import { expect } from 'chai'
import { API_VERSION, JOB_UID_LABEL, LOG_LABEL } from '../../../src/api/names.ts'
import type { KubeObject } from '../../../src/api/object.ts'
import { OrphanedLogs } from '../../../src/archive/orphaned-logs.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { eventually } from '../../observe/eventually.ts'
import { type TappedRequest, WireTap } from '../../observe/wire-tap.ts'

const signal = new AbortController().signal

/** A part of the log of a pod. */
function part(pod: string, job: string, name = `log-${pod}-end`): KubeObject {
  const labels = { [LOG_LABEL]: pod, [JOB_UID_LABEL]: job }
  return {
    metadata: { name, namespace: 'ns', uid: `${name}-uid`, resourceVersion: '1', creationTimestamp: '', labels },
  }
}

describe('logs without their jobs', () => {
  let tap: WireTap
  let client: KubeClient
  let logs: OrphanedLogs
  let answered: number
  /** What the API server has. */
  let parts: KubeObject[]
  let jobs: string[]
  let pageSize: number
  let expires: boolean

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
    ;[answered, parts, jobs, pageSize, expires] = [0, [], ['here'], 500, false]
    logs = new OrphanedLogs({ client, namespace: 'ns', exists: (uid) => uid === 'here' })
  })
  afterEach(async () => {
    await client.close()
    await tap.close()
  })

  /** Looks, and returns the names of the parts found, by log. */
  async function look(): Promise<string[][]> {
    const found = await answering(logs.look(signal))
    return found.map((log) => log.parts.map(({ metadata }) => metadata.name))
  }

  async function answering<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    void work.catch(() => undefined).then(() => (isOver = true))
    await eventually(() => {
      for (const request of tap.requests.slice(answered)) {
        answered += 1
        answer(request)
      }
      return isOver
    })
    return work
  }

  function answer(request: TappedRequest): void {
    const { pathname, searchParams } = new URL(request.url, 'https://server')
    const name = pathname.split('/').at(-1) ?? ''
    if (name === 'configmaps') return answerPage(request, Number(searchParams.get('continue') ?? 0))
    if (name === 'runnerjobs')
      return request.answer(200, listOf(jobs.map((uid) => ({ metadata: { ...part('', '').metadata, uid } }))))
    const found = parts.find(({ metadata }) => metadata.name === name)
    if (found === undefined) return request.answer(404, { kind: 'Status', code: 404, reason: 'NotFound' })
    if (request.method === 'DELETE') parts = parts.filter((each) => each !== found)
    request.answer(200, found)
  }

  function answerPage(request: TappedRequest, from: number): void {
    if (from > 0 && expires) return request.answer(410, { kind: 'Status', code: 410, reason: 'Expired' })
    const next = from + pageSize < parts.length ? { continue: String(from + pageSize) } : {}
    request.answer(200, listOf(parts.slice(from, from + pageSize), next))
  }

  const listOf = (items: readonly KubeObject[], more = {}) => ({ metadata: { resourceVersion: '1', ...more }, items })

  const lists = (): number => tap.requests.filter(({ url }) => /configmaps\?/.test(url)).length

  it('are found the second time that they are seen, and deleted part by part', async () => {
    parts = [part('a', 'gone'), part('a', 'gone', 'log-a-00'), part('b', 'here'), part('c', 'gone')]
    expect(await look()).to.deep.equal([])
    expect(await look()).to.deep.equal([['log-a-00', 'log-a-end'], ['log-c-end']])
    const [first] = await answering(logs.look(signal))
    if (first !== undefined) await answering(logs.delete(first, signal))
    expect(parts.map(({ metadata }) => metadata.name)).to.deep.equal(['log-b-end', 'log-c-end'])
    expect(await look()).to.deep.equal([['log-c-end']])
  })

  it('are none that still have their job as owner, which the garbage collector deletes with it', async () => {
    const owned = part('a', 'gone')
    const owner = { apiVersion: API_VERSION, kind: 'RunnerJob', name: 'job', uid: 'gone' }
    const other = { ...owner, uid: 'another' }
    parts = [
      { ...owned, metadata: { ...owned.metadata, ownerReferences: [owner] } },
      { ...part('b', 'gone'), metadata: { ...part('b', 'gone').metadata, ownerReferences: [other] } },
    ]
    await look()
    expect(await look()).to.deep.equal([['log-b-end']])
  })

  it('are none that the garbage collector deletes meanwhile', async () => {
    parts = [part('a', 'gone')]
    await look()
    parts = []
    expect(await look()).to.deep.equal([])
  })

  it('are none whose job the API server has after all', async () => {
    parts = [part('a', 'young')]
    await look()
    jobs = ['here', 'young']
    expect(await look()).to.deep.equal([])
    expect(await look()).to.deep.equal([])
  })

  it('are no ConfigMaps of others', async () => {
    parts = [part('a', 'gone', 'settings')]
    await look()
    expect(await look()).to.deep.equal([])
  })

  it('are only looked for when a job was deleted', async () => {
    await look()
    expect(lists()).to.equal(1)
    await look()
    expect(lists()).to.equal(1)
    logs.jobGone()
    await look()
    expect(lists()).to.equal(2)
    await look()
    expect(lists()).to.equal(2)
  })

  it('are listed four pages at a time, the rest at the next look', async () => {
    pageSize = 1
    parts = ['a', 'b', 'c', 'd', 'e', 'f'].map((pod) => part(pod, 'gone'))
    await look()
    expect(lists()).to.equal(4)
    await look()
    expect(lists()).to.equal(6)
    expect(await look()).to.have.length(6)
    expect(lists()).to.equal(6)
  })

  it('are remembered up to a limit: the others are listed once there is room', async () => {
    logs = new OrphanedLogs({ client, namespace: 'ns', exists: (uid) => uid === 'here', mostNoted: 2 })
    pageSize = 1
    parts = ['a', 'b', 'c', 'd', 'e'].map((pod) => part(pod, 'gone'))
    await look()
    expect(lists()).to.equal(2)
    expect(await look()).to.deep.equal([['log-a-end'], ['log-b-end']])
    expect(lists()).to.equal(2)
    parts = parts.slice(2)
    await look()
    expect(await look()).to.have.length.above(0)
    expect(lists()).to.be.above(2)
  })

  it('are listed from the beginning when a token has expired', async () => {
    ;[pageSize, expires] = [1, true]
    parts = [part('a', 'gone'), part('b', 'gone')]
    await look()
    expires = false
    await look()
    expect(await look()).to.have.length(2)
  })
})
