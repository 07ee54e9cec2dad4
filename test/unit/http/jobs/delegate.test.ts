import { expect } from 'chai'
import { DELEGATED_BY_ANNOTATION, DELEGATION_KEY_ANNOTATION } from '../../../../src/api/names.ts'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import { Delegator } from '../../../../src/http/jobs/delegate.ts'
import { keyOfDelegation } from '../../../../src/http/jobs/delegation-key.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { facadeParts } from '../../../objects/facade-deps.ts'
import { aJob, stamp } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

const forever = new AbortController().signal
const spec = { repository: 'owner/repo', runId: '1', jobId: '2' }
const delegation = { spec, user: 'user', scope: { is: 'all' }, idempotencyKey: undefined } as const
const annotations = { [DELEGATION_KEY_ANNOTATION]: keyOfDelegation(delegation).key }

/** A job of the delegation that is long over. */
function overJob(uid: string, second: number): RunnerJob {
  const delegatedAt = stamp(second)
  return aJob({ metadata: { name: uid, uid, annotations }, spec: { delegatedAt }, status: { phase: 'Completed' } })
}

describe('a delegation whose last job was deleted a moment ago', () => {
  let tap: WireTap
  let client: KubeClient
  let clock: HandClock

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
    clock = new HandClock('2026-01-02T00:00:00Z')
  })
  afterEach(async () => {
    await client.close()
    await tap.close()
  })

  function replica() {
    const stores = new FilledCaches()
    const delegator = new Delegator(facadeParts({ client, caches: stores.caches, clock }))
    return { stores, delegator }
  }

  /** The name under which a replica asks for a new job. */
  async function nameFrom({ delegator }: ReturnType<typeof replica>): Promise<string> {
    const nth = tap.requests.length
    const delegated = delegator.delegate(delegation, forever)
    const request = await eventually(() => tap.requests[nth], { what: 'the create' })
    const { metadata } = asObject(JSON.parse(request.body))
    request.answer(500, {})
    await delegated.catch(() => undefined)
    return String(asObject(metadata)['name'])
  }

  it('of a version that recorded no caller is the same delegation, and that of another caller is not', async () => {
    const { stores, delegator } = replica()
    const running = (by: Record<string, string>): RunnerJob =>
      aJob({ metadata: { name: 'running', annotations: { ...annotations, ...by } } })
    const own = { ...delegation, scope: { is: 'own', user: 'user' } } as const
    stores.putJob(running({}))
    const delegated = delegator.delegate(own, forever)
    const read = await eventually(() => tap.requests[0], { what: 'the read' })
    expect(read.method).to.equal('GET')
    read.answer(200, running({}))
    expect(await delegated).to.include({ replayed: true })
    stores.putJob(running({ [DELEGATED_BY_ANNOTATION]: 'somebody' }))
    const other = delegator.delegate(own, forever)
    const create = await eventually(() => tap.requests[1], { what: 'the create' })
    const { metadata } = asObject(JSON.parse(create.body))
    expect(asObject(asObject(metadata)['annotations'])[DELEGATED_BY_ANNOTATION]).to.equal('user')
    create.answer(500, {})
    await other.catch(() => undefined)
  })

  it('has the same name on a replica that has seen the deletion and on one that has not', async () => {
    const [late, early] = [replica(), replica()]
    for (const { stores } of [late, early]) stores.putJob(overJob('first', 0))
    early.stores.remove(overJob('first', 0))
    expect(await nameFrom(early)).to.equal(await nameFrom(late))
  })

  it('derives its name from the newest of several', async () => {
    const [late, early] = [replica(), replica()]
    for (const { stores } of [late, early]) {
      stores.putJob(overJob('first', 0))
      stores.putJob(overJob('second', 10))
    }
    for (const uid of ['second', 'first']) early.stores.remove(overJob(uid, 0))
    expect(await nameFrom(early)).to.equal(await nameFrom(late))
  })

  it('expires after a minute, each job separately', async () => {
    const [fresh, early] = [replica(), replica()]
    early.stores.putJob(overJob('first', 0))
    early.stores.putJob(overJob('second', 10))
    early.stores.remove(overJob('first', 0))
    await clock.advance(30_000)
    early.stores.remove(overJob('second', 10))
    const name = await nameFrom(early)
    await clock.advance(30_000)
    expect(await nameFrom(early), 'while the second is known').to.equal(name)
    await clock.advance(30_000)
    expect(await nameFrom(early)).to.equal(await nameFrom(fresh))
  })
})
