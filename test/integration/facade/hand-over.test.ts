import { randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { encodeFrame } from '../../../src/api/frame.ts'
import { JOB_LABEL } from '../../../src/api/names.ts'
import { keyOf, type KubeObject } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { type Secret, secrets } from '../../../src/api/secret.ts'
import { messageLeaseName, partNames } from '../../../src/domain/hand-over/message-parts.ts'
import { storeMessage } from '../../../src/http/hand-over/message-store.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { Forbidden } from '../../../src/kube/client/errors.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { systemClock } from '../../../src/kube/runtime/clock.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { factsOf, handOver, pack } from '../../hand-over/sending.ts'
import { exited, expired, ignored, runs } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { makeAccount } from '../../site/accounts.ts'
import { type Answer, call, expectFailure } from '../../site/calls/call.ts'
import { manifests } from '../../site/manifests.ts'
import { openSite, type Site } from '../../site/site.ts'

const never = new AbortController().signal

describe('a delegation with its message', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let url: string

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => ignored())
    const template = { spec: { containers: [{ name: 'runner', image: 'actions-runner' }] } }
    await site.createPool('workers', { mode: 'Worker', labels: ['linux'], template })
    operator = await site.operator()
    url = operator.url
  })
  after(() => site.close())

  const idOf = ({ body }: Answer): string => String(asObject(body['data'])['delegationId'])
  const messageOf = async (id: string) => {
    const { message } = (await site.job(id))?.spec ?? {}
    if (message === undefined) throw new Error(`job ${id} has no message`)
    return message
  }
  const secretsOf = async (job: string): Promise<Secret[]> =>
    (await site.list(secrets)).filter(({ metadata }) => metadata.labels?.[JOB_LABEL] === job)
  const leasesOf = async (job: string): Promise<KubeObject[]> =>
    (await site.list(leases)).filter(({ metadata }) => metadata.labels?.[JOB_LABEL] === job)
  const isClean = (job: string) =>
    site.until(`no Secret and no Lease of job ${job}`, async () => {
      const left = [...(await secretsOf(job)), ...(await leasesOf(job))]
      return left.length === 0
    })

  describe('is answered and stored', () => {
    let id: string
    const packed = pack('{"jobId":"first"}')

    it('as a delegation without one, in one call', async () => {
      const answer = await handOver(url, factsOf('first', { labels: ['linux'] }), packed)
      expect(answer.status, answer.text).to.equal(201)
      expect(asObject(answer.body['data'])).to.have.all.keys('delegationId', 'status')
      id = idOf(answer)
      expect(answer.headers.get('location')).to.equal(`/api/jobs/${id}`)
    })

    it('with its facts in the RunnerJob, and what is known of the message', async () => {
      const { spec } = (await site.job(id)) ?? {}
      expect(spec).to.deep.include({ jobId: 'first', runId: '789012', repository: 'owner/repo', labels: ['linux'] })
      expect(spec?.message).to.deep.include({ parts: 1, runnerVersion: '2.336.0', serverUrl: 'https://github.com' })
    })

    it('in a Secret that cannot be changed, byte for byte', async () => {
      const [secret, ...others] = await secretsOf(id)
      expect(others).to.have.lengthOf(0)
      expect(secret).to.include({ immutable: true, type: 'runnerhub.dev/message' })
      expect(Buffer.from(secret?.data?.['part'] ?? '', 'base64')).to.deep.equal(packed)
    })

    it('so that all of it belongs to the job in the end', async () => {
      const [secret] = await secretsOf(id)
      const [lease] = await leasesOf(id)
      const job = await site.job(id)
      expect(secret?.metadata.ownerReferences?.map(({ kind, uid }) => [kind, uid])).to.deep.equal([
        ['Lease', lease?.metadata.uid],
      ])
      expect(lease?.metadata.ownerReferences?.map(({ kind, uid }) => [kind, uid])).to.deep.equal([
        ['RunnerJob', job?.metadata.uid],
      ])
    })

    it('with an audit line that says that it was handed over', async () => {
      const line = await site.until('the audit line', () => operator.log.find((each) => each['job'] === id))
      expect(line).to.include({ msg: 'audit', audit: 'delegate', handedOver: true, replayed: false, status: 201 })
    })

    it('and given to a pod of a Worker pool, that names its Secrets one by one', async () => {
      const pod = await site.until('the pod', () => site.pod(id))
      const sources = JSON.stringify(pod.spec['volumes'])
      for (const name of partNames(id, await messageOf(id))) expect(sources).to.include(`"name":"${name}"`)
    })

    it('whose Secrets are kept while the pod has not started', async () => {
      await site.kubelet.apply(`${id}-1`, 'bind')
      expect(await secretsOf(id)).to.have.lengthOf(1)
    })

    it('and are gone as soon as it runs', async () => {
      await site.kubelet.apply(`${id}-1`, ...runs().steps.map(({ act }) => act))
      await isClean(id)
      expect((await site.job(id))?.metadata.deletionTimestamp).to.equal(undefined)
    })

    it('until its end, which is what the runner says of it, in kubectl and in REST', async () => {
      await site.kubelet.apply(`${id}-1`, (pod) => exited(pod, 100))
      await site.jobIs(id, { phase: 'Completed', reason: 'Succeeded', result: 'Succeeded', exitCode: 100 })
      await site.until('the facade to know', async () => {
        const data = asObject((await call(`${url}/api/jobs/${id}`)).body['data'])
        return data['status'] === 'completed' && asObject(data['metadata'])['result'] === 'Succeeded'
      })
    })

    it('is found again after its end, whatever the message then says: it never runs twice', async () => {
      const again = await handOver(url, factsOf('first', { labels: ['linux'] }), pack('{"token":"another"}'))
      expect(again.status).to.equal(201)
      expect(idOf(again)).to.equal(id)
      expect(again.headers.get('idempotency-replayed')).to.equal('true')
      expect(await secretsOf(id)).to.have.lengthOf(0)
    })
  })

  it('whose cancel comes too late is Completed, if its runner finishes in the grace period', async () => {
    site.kubelet.onPod(() => ({ ...runs(), stop: 'never' }))
    const answer = await handOver(url, factsOf('late-cancel', { labels: ['linux'] }), pack('{"jobId":"late"}'))
    const id = idOf(answer)
    await site.jobIs(id, { phase: 'Running', reason: 'Running' })
    expect((await call(`${url}/api/jobs/${id}/cancel`, { method: 'POST' })).status).to.equal(202)
    await site.jobIs(id, { phase: 'Running', reason: 'CancelRequested' })
    await site.until('its pod to have a deadline', async () => {
      return (await site.pod(id))?.spec.activeDeadlineSeconds === 1
    })
    await site.kubelet.apply(`${id}-1`, (pod) => expired(pod, 100))
    await site.jobIs(id, { phase: 'Completed', reason: 'Succeeded', result: 'Succeeded', exitCode: 100 })
    site.kubelet.onPod(() => ignored())
  })

  /** What the API server says of the recipes for pools. A namespace of the restricted level has no docker daemon. */
  const recipes = {
    pool: 'TemplateAccepted',
    'pool-hooks': 'TemplateAccepted',
    'pool-docker': 'AdmissionDenied: violates PodSecurity "restricted',
  }
  for (const [name, verdict] of Object.entries(recipes)) {
    it(`runs in valid pods by the recipe config/proxy/${name}.yaml: ${verdict}`, async () => {
      const [pool] = await manifests(`config/proxy/${name}.yaml`)
      if (pool === undefined) throw new Error('there is no pool')
      if (name === 'pool-hooks') await makeAccount(site, 'runnerhub-hooks')
      const { group, version, plural, kind } = runnerPools
      await site.create({ group, version, plural, kind }, pool)
      const ready = await site.until('the pool to be checked', async () => {
        const conditions = (await site.get(runnerPools, pool.metadata.name))?.status?.conditions
        return conditions?.find(({ type }) => type === 'Ready')
      })
      const [reason, message = ''] = verdict.split(': ')
      expect(ready.reason).to.equal(reason)
      expect(ready.message).to.include(message)
      await site.delete(runnerPools, pool.metadata.name)
    })
  }

  it('may have 8 MiB packed, in Secrets of less than 1 MiB each', async () => {
    const facts = factsOf('large', { labels: ['none'] })
    const content = randomBytes(3_000_000).toString('base64')
    const frame = Buffer.from(encodeFrame(1, content))
    const packed = gzipSync(frame, { level: 0 })
    expect(packed.length).to.be.within(8_000_000, 8 * 1024 * 1024)
    const id = idOf(await handOver(url, facts, packed))
    const names = partNames(id, await messageOf(id))
    const parts = await Promise.all(names.map((name) => site.get(secrets, name)))
    expect(parts).to.have.lengthOf(9)
    for (const part of parts) {
      expect(JSON.stringify(part).length * 0.75).to.be.below(1024 * 1024)
    }
    const whole = Buffer.concat(parts.map((part) => Buffer.from(part?.data?.['part'] ?? '', 'base64')))
    expect(gunzipSync(whole).equals(frame)).to.equal(true)
  })

  describe('is refused', () => {
    it('with 413 and the limits where it is longer packed, and nothing is left of it', async () => {
      const facts = factsOf('too-long')
      const answer = await handOver(url, facts, randomBytes(8 * 1024 * 1024 + 1))
      expectFailure(answer, 413, 'BodyTooLarge')
      expect(answer.body['error']).to.include('50 MB').and.include('8 MiB packed')
      expectFailure(await handOver(url, facts, randomBytes(9 * 1024 * 1024)), 413, 'BodyTooLarge')
    })

    it('with 413 and the limits where it is longer unpacked', async () => {
      const answer = await handOver(url, factsOf('too-long'), gzipSync(Buffer.alloc(50_000_010)))
      expectFailure(answer, 413, 'BodyTooLarge')
      expect(answer.body['error']).to.include('50 MB').and.include('8 MiB packed')
    })

    it('with 400 where it is no frame, or a fact is bad', async () => {
      expectFailure(await handOver(url, factsOf('no-frame'), gzipSync('hello')), 400, 'InvalidRequest')
      expectFailure(await handOver(url, factsOf('bad', { repository: 'x' }), pack('')), 400, 'InvalidRequest')
      expect(
        (await site.list(runnerJobs)).filter(({ spec }) => ['no-frame', 'bad'].includes(spec.jobId)),
      ).to.deep.equal([])
    })

    it('with 415 where the whole body is encoded once more', async () => {
      const answer = await handOver(url, factsOf('encoded'), pack(''), { 'content-encoding': 'gzip' })
      expectFailure(answer, 415, 'UnsupportedMediaType')
    })

    it('with 409 where the job was delegated without it and is not over', async () => {
      const facts = factsOf('without')
      await call(`${url}/api/jobs/delegate`, { method: 'POST', body: facts })
      expectFailure(await handOver(url, facts, pack('')), 409, 'DelegatedWithoutMessage')
    })
  })

  it('gives one job to all who send it at once, and keeps the message of one', async () => {
    const facts = factsOf('at-once', { labels: ['none'] })
    const second = await site.operator({ identity: 'operator-2' })
    const sent = Array.from({ length: 10 }, (_, index) =>
      handOver(index % 2 === 0 ? url : second.url, facts, pack(`{"token":"${index}"}`)),
    )
    const answers = await Promise.all(sent)
    expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 201))
    const [id = '', ...others] = new Set(answers.map(idOf))
    expect(others).to.deep.equal([])
    const message = await messageOf(id)
    await site.until('one message', async () => (await leasesOf(id)).length === 1)
    expect((await secretsOf(id)).map(({ metadata }) => metadata.name)).to.deep.equal(partNames(id, message))
  })

  it('waits with reason NoMatchingPool where only Template pools fit, and is kept', async () => {
    await site.createPool('templates', { labels: ['template-only'] })
    const id = idOf(await handOver(url, factsOf('no-pool', { labels: ['template-only'] }), pack('')))
    const job = await site.jobIs(id, { reason: 'NoMatchingPool' })
    expect(job.status.message).to.include('no RunnerPool of mode Worker fits')
    expect(await secretsOf(id)).to.have.lengthOf(1)
    await site.cancel(id)
    await site.jobIs(id, { phase: 'Cancelled' })
    await isClean(id)
  })

  it('goes with its job where somebody deletes that', async () => {
    const id = idOf(await handOver(url, factsOf('deleted', { labels: ['none'] }), pack('')))
    await site.delete(runnerJobs, id)
    await isClean(id)
  })

  it('is swept where whoever stored it died before the job was made, and kept before that', async () => {
    const parts = (agoMs: number) => ({
      client: site.client,
      namespace: site.namespace,
      log: new RecordedLog(),
      newId: () => `ago${agoMs}`,
      clock: { ...systemClock, now: () => new Date(Date.now() - agoMs) },
    })
    const message = { about: {}, packed: randomBytes(1_500_000) }
    await storeMessage(parts(0), 'orphan-new', message, never)
    await storeMessage(parts(301_000), 'orphan-old', message, never)
    await isClean('orphan-old')
    expect(await secretsOf('orphan-new')).to.have.lengthOf(2)
    expect((await leasesOf('orphan-new')).map(({ metadata }) => metadata.name)).to.deep.equal([
      messageLeaseName('orphan-new', 'ago0'),
    ])
  })

  it('can be written and deleted by the operator, and never read', async () => {
    const { connection } = site.plane.controlPlane
    const access = async () => {
      const { ca = '' } = (await connection.credentials()).tls
      return { headers: { authorization: `Bearer ${site.token}` }, tls: { ca } }
    }
    const client = new KubeClient({ ...connection, credentials: access }, { userAgent: 'the operator' })
    const denied = async (request: Promise<unknown>): Promise<boolean> =>
      request.then(
        () => false,
        (error: unknown) => error instanceof Forbidden,
      )
    const path = `/api/v1/namespaces/${site.namespace}/secrets`
    const verbs = [
      client.request('GET', path, {}, never),
      client.request('GET', `${path}/any`, {}, never),
      client.request('GET', path, { query: { watch: 'true', timeoutSeconds: '1' } }, never),
      client.request('PATCH', `${path}/any`, { body: {}, contentType: 'application/merge-patch+json' }, never),
      client.request('PUT', `${path}/any`, { body: {} }, never),
      client.request('DELETE', path, {}, never),
    ]
    expect(await Promise.all(verbs.map(denied))).to.deep.equal(verbs.map(() => true))
    await client.close()
  })

  describe('with a secret in it', () => {
    const canary = `canary-${randomBytes(12).toString('hex')}`
    /** The forms in which it might come out. */
    const forms = [
      canary,
      Buffer.from(canary).toString('base64').replace(/.=*$/, ''),
      Buffer.from(canary, 'utf16le').toString('latin1'),
      Buffer.from(canary, 'utf16le').toString('hex'),
      gzipSync(encodeFrame(1, canary)).toString('base64').slice(0, 60),
    ]
    const hasCanary = (text: string): boolean => forms.some((form) => text.includes(form))
    let id: string

    it('is found where it must be: the test sees it in its Secret', async () => {
      id = idOf(await handOver(url, factsOf('secret', { labels: ['linux'] }), gzipSync(encodeFrame(1, canary))))
      const [secret] = await secretsOf(id)
      expect(hasCanary(JSON.stringify(secret))).to.equal(true)
    })

    it('shows it in no answer, event, metric, log or audit line', async () => {
      await site.until('the pod', () => site.pod(id))
      await site.kubelet.apply(`${id}-1`, 'bind', ...runs().steps.map(({ act }) => act))
      const shown = await Promise.all(
        ['/api/jobs', `/api/jobs/${id}`, `/api/jobs/${id}/logs`, '/api/runners', '/api/metrics', '/openapi.json'].map(
          async (path) => (await call(`${url}${path}`)).text,
        ),
      )
      const broken = gzipSync(encodeFrame(2, canary))
      const refused = await handOver(url, factsOf('secret-2'), broken)
      expectFailure(refused, 400, 'InvalidRequest')
      for (const text of [...shown, refused.text, JSON.stringify(operator.log)]) {
        expect(hasCanary(text), text.slice(0, 200)).to.equal(false)
      }
    })

    it('leaves it in no object of the API server after the job', async () => {
      await site.kubelet.apply(`${id}-1`, (pod) => exited(pod, 100))
      await site.until('the end of the job', async () => (await site.job(id))?.status.completedAt)
      await isClean(id)
      const kinds = [
        runnerJobs,
        pods,
        leases,
        secrets,
        { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' },
        { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' },
        { group: 'runnerhub.dev', version: 'v1', plural: 'runners', kind: 'Runner' },
      ]
      for (const kind of kinds) {
        const objects = await site.list<KubeObject>(kind)
        const bad = objects.filter((object) => hasCanary(JSON.stringify(object)))
        expect(bad.map(keyOf), kind.plural).to.deep.equal([])
      }
    })
  })
})
