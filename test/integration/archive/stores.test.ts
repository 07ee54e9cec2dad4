import { access, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { S3Store } from '../../../src/archive/s3-store.ts'
import { type KeptStore, keptLimits, PartExists } from '../../../src/archive/store.ts'
import { sweepOnce } from '../../../src/archive/sweeper.ts'
import { VolumeStore } from '../../../src/archive/volume-store.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { systemClock } from '../../../src/kube/runtime/clock.ts'
import { pods } from '../../../src/api/pod.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { makeCertificate } from '../../faults/proxy/certificate.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { exited, runs } from '../../kubelet/script.ts'
import { anAttempt } from '../../objects/memory-store.ts'
import type { Operator } from '../../processes/operator.ts'
import { s3Account, type S3Server, startS3 } from '../../processes/s3-server.ts'
import { S3Tap } from '../../processes/s3-tap.ts'
import { call } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'

const signal = new AbortController().signal
const limits = keptLimits(256)
const [one, two] = [Buffer.from('one'), Buffer.from('two')]

describe('a store of logs', function () {
  this.timeout('15m') // the first run on a machine builds the server
  let server: S3Server
  let folder: string
  let stores: Record<'s3' | 'volume', KeptStore>

  before(async () => {
    server = await startS3()
    Object.assign(process.env, s3Account)
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-archive-'))
    const { endpoint, bucket } = server
    const settings = { bucket, prefix: 'hub/', region: 'us-east-1', endpoint, pathStyle: true }
    stores = { s3: new S3Store({ settings, limits }), volume: new VolumeStore({ folder, limits }) }
  })
  after(async () => {
    for (const name of Object.keys(s3Account)) delete process.env[name]
    await server?.close()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  for (const name of ['s3', 'volume'] as const) {
    it(`${name}: returns what was stored, and nothing else`, async () => {
      const store = stores[name]
      await store.put(anAttempt, 'part-00000', one, signal)
      await store.put(anAttempt, 'end', two, signal)
      expect((await store.get(anAttempt, 'end', signal))?.toString()).to.equal('two')
      expect(await store.get(anAttempt, 'part-00001', signal)).to.equal(undefined)
      expect(await store.get({ ...anAttempt, podUid: 'another' }, 'end', signal)).to.equal(undefined)
      expect(await store.names(anAttempt, signal)).to.have.members(['part-00000', 'end'])
      expect(await store.names({ ...anAttempt, podUid: 'another' }, signal)).to.deep.equal([])
    })

    it(`${name}: stores a part once, and never replaces it`, async () => {
      const store = stores[name]
      await store.put(anAttempt, 'part-00000', one, signal)
      const refused = await store.put(anAttempt, 'part-00000', two, signal).catch((error: unknown) => error)
      expect(refused).to.be.instanceOf(PartExists)
      expect((await store.get(anAttempt, 'part-00000', signal))?.toString()).to.equal('one')
    })

    it(`${name}: stores one of two parts that come at the same time`, async () => {
      const store = stores[name]
      const both = [one, two].map((part) => store.put(anAttempt, 'part-00002', part, signal))
      const results = await Promise.allSettled(both)
      expect(results.map(({ status }) => status).toSorted()).to.deep.equal(['fulfilled', 'rejected'])
      const stored = results[0]?.status === 'fulfilled' ? 'one' : 'two'
      expect((await store.get(anAttempt, 'part-00002', signal))?.toString()).to.equal(stored)
    })

    it(`${name}: loses the logs of deleted jobs once their time is over, and no others`, async () => {
      const store = stores[name]
      await store.put({ ...anAttempt, jobUid: 'gone' }, 'end', one, signal)
      const sweep = (inMs: number, ttlMs: number) => {
        const clock = { ...systemClock, now: () => new Date(Date.now() + inMs) }
        const exists = (uid: string) => uid === anAttempt.jobUid
        return sweepOnce({ store, namespace: 'ns', ttlMs, exists, clock, log: new RecordedLog() }, signal)
      }
      expect(await sweep(0, 0), 'it was stored just now').to.equal(0)
      expect(await sweep(3_500_000, 3_600_000)).to.equal(0)
      expect(await sweep(3_700_000, 3_600_000)).to.equal(1)
      expect(await store.names({ ...anAttempt, jobUid: 'gone' }, signal)).to.deep.equal([])
      expect(await store.names(anAttempt, signal)).to.include('end')
    })
  }

  it('volume: leaves no half of a part, and no name leads out of the folder', async () => {
    const bad = { ...anAttempt, jobUid: '../../etc' }
    for (const work of [
      () => stores.volume.put(bad, 'end', one, signal),
      () => stores.volume.get(bad, 'end', signal),
      () => stores.volume.get(anAttempt, '../end', signal),
      () => stores.volume.delete('ns', '..', signal),
    ])
      expect(String(await work().catch((error: unknown) => error))).to.match(/no name of a file/)
    expect(await readdir(join(folder, 'ns', anAttempt.jobUid, anAttempt.podUid))).to.have.members(
      ['end', 'part-00000', 'part-00002'].map((part) => `${part}.gz`),
    )
  })

  it('s3: gives up with its signal if the server does not respond', async () => {
    server.freeze()
    try {
      const refused = await stores.s3.get(anAttempt, 'end', AbortSignal.timeout(200)).catch((error: unknown) => error)
      expect(refused).to.be.instanceOf(Error)
    } finally {
      server.thaw()
    }
  })

  it('s3: trusts the authority in a file, and no other server', async () => {
    const certificate = await makeCertificate()
    const secure = await startS3(certificate)
    const caFile = join(folder, 'ca.crt')
    await writeFile(caFile, certificate.cert)
    const { endpoint, bucket } = secure
    const settings = { bucket, prefix: '', region: 'us-east-1', endpoint, pathStyle: true }
    try {
      const refused = await new S3Store({ settings, limits })
        .get(anAttempt, 'end', AbortSignal.timeout(5000))
        .catch((error: unknown) => error)
      expect(refused).to.be.instanceOf(Error)
      const store = new S3Store({ settings: { ...settings, caFile }, limits })
      await store.put(anAttempt, 'end', one, signal)
      expect((await store.get(anAttempt, 'end', signal))?.toString()).to.equal('one')
    } finally {
      await secure.close()
    }
  })

  it('s3: asks the server to encrypt what it stores', async () => {
    const tap = await S3Tap.start(server.endpoint)
    const settings = { bucket: server.bucket, prefix: '', region: 'us-east-1', endpoint: tap.endpoint, pathStyle: true }
    try {
      const store = new S3Store({ settings: { ...settings, encryption: 'aws:kms', kmsKey: 'a-key' }, limits })
      await store.put({ ...anAttempt, jobUid: 'encrypted' }, 'end', one, signal)
      expect(tap.heard).to.have.length(1)
      expect(tap.heard[0]).to.include({
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'a-key',
      })
    } finally {
      tap.close()
    }
  })

  it('s3: shows no secret in an error', async () => {
    const { endpoint, bucket } = server
    process.env['AWS_SECRET_ACCESS_KEY'] = 'a-wrong-secret'
    const settings = { bucket, prefix: '', region: 'us-east-1', endpoint, pathStyle: true }
    const refused = await new S3Store({ settings, limits })
      .get(anAttempt, 'end', signal)
      .catch((error: unknown) => error)
    process.env['AWS_SECRET_ACCESS_KEY'] = s3Account.AWS_SECRET_ACCESS_KEY
    expect(refused).to.be.instanceOf(Error)
    expect(JSON.stringify(refused) + String(refused)).to.not.match(/a-wrong-secret|a-secret-of-tests/)
  })
})

describe('an operator whose logs go outside the cluster', function () {
  this.timeout('60s')
  let server: S3Server
  let site: Site
  let logs: NodeLogs
  let folder: string

  before(async function () {
    this.timeout('15m')
    server = await startS3()
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-archive-'))
    site = await openSite()
    await site.createPool('default')
    site.kubelet.onPod(() => runs())
    logs = await serveLogs(site.plane.client)
  })
  after(async () => {
    server?.thaw()
    await site?.close()
    await logs?.close()
    await server?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const captured = async (job: string) =>
    (await site.job(job))?.status.conditions?.find(({ type }) => type === 'LogCaptured')

  async function writes(job: string): Promise<void> {
    await site.createJob(job)
    await site.jobIs(job, { phase: 'Running' })
    logs.write(`${job}-1`, `the log of ${job}`)
    logs.end(`${job}-1`)
    await site.kubelet.apply(`${job}-1`, (pod) => exited(pod, 0))
  }

  async function reads(operator: Operator, job: string): Promise<void> {
    await site.until(`the log of ${job} to be stored`, async () => (await captured(job))?.status === 'True')
    await site.delete(pods, `${job}-1`)
    await site.until('the pod to be gone', async () => (await site.pod(job)) === undefined)
    const data = async () => asObject((await call(`${operator.url}/api/jobs/${job}/logs`)).body['data'])
    await site.until('the facade to know it', async () => (await data())['state'] === 'archived')
    expect((await data())['logs']).to.match(new RegExp(`the log of ${job}\n$`))
  }

  it('keeps them in a bucket; a server that does not respond costs a log and no job', async () => {
    const env = {
      ...s3Account,
      LOG_ARCHIVE: 's3',
      LOG_ARCHIVE_BUCKET: server.bucket,
      LOG_ARCHIVE_PREFIX: 'hub',
      LOG_ARCHIVE_ENDPOINT: server.endpoint,
      LOG_ARCHIVE_PATH_STYLE: 'true',
      LOG_CAPTURE_SECONDS: '5',
    }
    const operator = await site.operator({ env })
    await writes('bucket')
    await reads(operator, 'bucket')
    server.freeze()
    await writes('frozen')
    await site.jobIs('frozen', { phase: 'Completed' }, 5000)
    await site.until(
      'the pod to be let go',
      async () => (await site.pod('frozen'))?.metadata.finalizers === undefined,
      20_000,
    )
    expect(await captured('frozen')).to.include({ status: 'False', reason: 'LogsUnavailable' })
    server.thaw()
    await operator.terminate()
  })

  it('keeps them on a volume', async () => {
    const orphan = join(folder, site.namespace, 'no-job', 'no-pod')
    await mkdir(orphan, { recursive: true })
    const longAgo = new Date(Date.now() - 3_600_000)
    for (const each of [orphan, join(orphan, '..')]) await utimes(each, longAgo, longAgo)
    const operator = await site.operator({ env: { LOG_ARCHIVE: 'volume', LOG_ARCHIVE_FOLDER: folder } })
    const isThere = () =>
      access(orphan).then(
        () => true,
        () => false,
      )
    await site.until('the log of a job that is gone to be deleted', async () => !(await isThere()))
    await writes('volume')
    await reads(operator, 'volume')
    expect(await readdir(join(folder, site.namespace))).to.deep.equal([(await site.job('volume'))?.metadata.uid])
    await site.checkInvariants()
  })
})
