import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { configMaps } from '../../../src/api/config-map.ts'
import { pods } from '../../../src/api/pod.ts'
import { jobPhases, runnerJobs } from '../../../src/api/runner-job.ts'
import { elementsOf } from '../../../src/api/json.ts'
import { NotFound } from '../../../src/kube/client/errors.ts'
import type { Resource } from '../../../src/api/object.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { deployments, secrets, services } from '../../../src/plugin/doctor/cluster-kinds.ts'
import { exitCodes } from '../../../src/plugin/exit.ts'
import { runPlugin } from '../../../src/plugin/run.ts'
import { type FaultProxy, startFaultProxy } from '../../faults/proxy/proxy.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { exited, exits, runs, succeeds, unschedulable } from '../../kubelet/script.ts'
import { type RecordedHost, recordedHost } from '../../plugin/recorded-host.ts'
import { writeKubeconfig } from '../../plugin/kubeconfig.ts'
import { newJob } from '../../site/objects.ts'
import { openSite, type Site } from '../../site/site.ts'

describe('kubectl runnerhub', function () {
  this.timeout('60s')
  let site: Site
  let logs: NodeLogs
  let proxy: FaultProxy
  let folder: string
  let kubeconfig: string
  /** Of the operator's account. */
  let ownKubeconfig: string

  before(async () => {
    site = await openSite()
    logs = await serveLogs(site.plane.client)
    proxy = await startFaultProxy(site.plane.controlPlane)
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-plugin-'))
    kubeconfig = await writeKubeconfig(join(folder, 'admin'), proxy)
    ownKubeconfig = await writeKubeconfig(join(folder, 'operator'), proxy, site.token)
    await site.createPool('default', { labels: ['self-hosted'] })
    await site.createPool('closed', { labels: ['closed'], maxRunners: 0 })
    site.kubelet.onPod(({ metadata: { name } }) => {
      if (name.startsWith('fails')) return exits(3)
      if (name.startsWith('stuck')) return unschedulable()
      return name.startsWith('runs') ? runs() : succeeds()
    })
    await site.operator({ env: { LOG_ARCHIVE: 'cluster' } })
    await site.createJob('runs-listed', { repository: 'list/one', workflow: 'a \u202eb', poolName: 'default' })
    await site.createJob('queued-listed', { repository: 'list/one', labels: ['nowhere'] })
    await site.createJob('other-listed', { repository: 'list/other', labels: ['nowhere'] })
    await site.jobIs('runs-listed', { phase: 'Running' })
    await site.jobIs('queued-listed', { reason: 'NoMatchingPool' })
  })
  after(async () => {
    await site.close()
    await logs.close()
    await proxy.close()
    await rm(folder, { recursive: true })
  })

  /** A run of the plugin that goes on. */
  function start(...args: string[]): { host: RecordedHost; interrupt: () => void; ended: Promise<number> } {
    const interrupted = new AbortController()
    const host = recordedHost({ env: { KUBECONFIG: kubeconfig }, signal: interrupted.signal, uuid: randomUUID })
    const ended = runPlugin(['-n', site.namespace, ...args], host, '1.2.3')
    return { host, interrupt: () => interrupted.abort(new Error('interrupted')), ended }
  }

  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const { host, ended } = start(...args)
    const code = await ended
    return { code, out: host.out.text, err: host.err.text }
  }

  async function json(...args: string[]): Promise<Record<string, unknown>> {
    const { code, out, err } = await run(...args, '-o', 'json')
    expect({ code, err }).to.deep.equal({ code: 0, err: '' })
    return asObject(JSON.parse(out))
  }

  describe('delegate', () => {
    it('creates a job that the operator runs', async () => {
      const facts = ['--labels', 'self-hosted', '--workflow', 'CI', '--timeout', '2h', '--ttl', '10m']
      const { code, out } = await run('delegate', 'owner/repo', ...facts, '--name', 'plain')
      expect({ code, out }).to.deep.equal({ code: 0, out: 'runnerjob.runnerhub.dev/plain created\n' })
      const { spec } = await site.jobIs('plain', { phase: 'Completed' })
      expect(spec).to.deep.include({
        repository: 'owner/repo',
        workflow: 'CI',
        runId: 'plain',
        labels: ['self-hosted'],
      })
      expect(spec).to.include({ timeoutSeconds: 7200, ttlSecondsAfterFinished: 600 })
    })

    it('makes another job each time, named by a UUID, which is its id in REST', async () => {
      const [one, other] = [await run('delegate', 'o/r', '-o', 'name'), await run('delegate', 'o/r', '-o', 'name')]
      expect(one.out).to.match(/^runnerjob\.runnerhub\.dev\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/)
      expect(one.out).to.not.equal(other.out)
    })

    it('waits for the end, which decides the exit code', async () => {
      const completed = await run('delegate', 'o/r', '--pool', 'default', '--wait')
      expect(completed).to.include({ code: exitCodes.ok })
      expect(completed.err).to.match(/ Completed \(Succeeded\): exit code 0\n$/)
      const failed = await run('delegate', 'o/r', '--pool', 'default', '--name', 'fails-1', '--wait')
      expect(failed).to.include({ code: exitCodes.jobFailed, err: 'fails-1 Failed (ExitCode): exit code 3\n' })
      const waiting = start('delegate', 'o/r', '--pool', 'closed', '--name', 'unwanted', '--wait')
      await site.jobIs('unwanted', { reason: 'PoolFull' })
      await site.cancel('unwanted')
      expect(await waiting.ended).to.equal(exitCodes.jobCancelled)
    })

    it('gives up waiting after a time, and leaves the job alone', async () => {
      const { code, err } = await run(
        'delegate',
        'o/r',
        '--pool',
        'closed',
        '--name',
        'late',
        '-w',
        '--wait-timeout',
        '1s',
      )
      expect({ code, err }).to.deep.equal({
        code: exitCodes.timedOut,
        err: 'error: the job has not ended in that time\n',
      })
      expect((await site.job('late'))?.spec.cancel).to.equal(false)
    })

    it('says how to cancel the job when it is interrupted, and ends with 130', async () => {
      const { host, interrupt, ended } = start('delegate', 'o/r', '--pool', 'closed', '--name', 'left', '--wait')
      await site.jobIs('left', { reason: 'PoolFull' })
      interrupt()
      expect(await ended).to.equal(exitCodes.interrupted)
      expect(host.err.text).to.include(`kubectl runnerhub -n ${site.namespace} cancel left\n`)
    })

    it('creates nothing in a dry run, nor from facts that the API server refuses', async () => {
      const dry = await run('delegate', 'o/r', '--name', 'dry', '--dry-run')
      expect(dry).to.include({ code: 0, out: 'runnerjob.runnerhub.dev/dry created (server dry run)\n' })
      const wrong = await run('delegate', 'nowhere', '--name', 'wrong')
      expect(wrong.code).to.equal(exitCodes.failed)
      expect(wrong.err).to.match(/^error: .*spec\.repository.*\n$/)
      expect([await site.job('dry'), await site.job('wrong')]).to.deep.equal([undefined, undefined])
    })

    it('refuses a second job of the same name', async () => {
      await run('delegate', 'o/r', '--name', 'twice', '--pool', 'closed')
      const { code, err } = await run('delegate', 'o/r', '--name', 'twice', '--pool', 'closed')
      expect(code).to.equal(exitCodes.failed)
      expect(err).to.equal(`error: there is a job twice in namespace ${site.namespace} already\n`)
    })
  })

  describe('list', () => {
    it('shows jobs as a table, and characters that would change their texts as such', async () => {
      const { out } = await run('list', '--repository', 'list/one')
      expect(out).to.match(/^NAME +REPOSITORY +WORKFLOW +PHASE +REASON +AGE +RAN\n/)
      expect(out).to.match(/^runs-listed +list\/one +a <U\+202E>b +Running +Running +\d+s +\d+s$/m)
      expect(out).to.match(/^queued-listed +list\/one +Queued +NoMatchingPool +\d+s$/m)
      expect(out).to.not.include('other-listed')
      const wide = await run('list', '--phase', 'running', '--no-headers', '-o', 'wide')
      expect(wide.out).to.match(/^runs-listed .* runs-listed-1 +stand-in +runs in pod runs-listed-1\n/)
    })

    it('prints objects that are complete', async () => {
      const { kind, items } = await json('list', '--field-selector', 'metadata.name=queued-listed')
      const [item] = elementsOf(items).map(asObject)
      expect(kind).to.equal('List')
      expect(item).to.include({ apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob' })
      expect(asObject(item?.['status'])['reason']).to.equal('NoMatchingPool')
    })

    it('says so where there are none, and where the phase is none', async () => {
      const none = await run('list', '--repository', 'no/such')
      expect(none).to.deep.equal({ code: 0, out: '', err: `No jobs found in namespace ${site.namespace}.\n` })
      const wrong = await run('list', '--phase', 'Lost')
      expect(wrong.code).to.equal(exitCodes.usage)
      expect(wrong.err).to.include(jobPhases.join(', '))
    })

    it('shows every one of many jobs, page by page', async () => {
      const { namespace } = await site.plane.namespace()
      const names = Array.from({ length: 505 }, (_, index) => `many-${index}`)
      const create = async (name: string): Promise<void> => {
        const job = newJob(name)
        await site.client.create(runnerJobs, { ...job, metadata: { name, namespace } }, new AbortController().signal)
      }
      await Promise.all(names.map(create))
      const { out } = await run('list', '-n', namespace, '-o', 'name')
      expect(out.trimEnd().split('\n').sort()).to.deep.equal(
        names.map((name) => `runnerjob.runnerhub.dev/${name}`).sort(),
      )
      const table = await run('list', '-n', namespace)
      expect(table.out.trimEnd().split('\n')).to.have.length(506)
      const why = await run('why', '-n', namespace, 'many-7')
      expect(why.out).to.include('NoOperator: No operator has looked at the job yet.')
    })

    it('prints each change while it watches, also after the watch broke', async () => {
      const { host, interrupt, ended } = start(
        'list',
        '--repository',
        'list/watched',
        '--watch',
        '--no-headers',
        '-o',
        'name',
      )
      const line = (name: string): string => `runnerjob.runnerhub.dev/${name}\n`
      const watches = { method: 'GET', path: /\/runnerjobs\?.*list%2Fwatched.*watch=true/ }
      await site.until('the watch to be open', () => proxy.requests.some(({ path }) => watches.path.test(path)))
      await site.createJob('watched-1', { repository: 'list/watched', labels: ['nowhere'] })
      await site.until('the first job to be printed', () => host.out.text.includes(line('watched-1')))
      proxy.when(watches).cut().remove()
      await site.createJob('watched-2', { repository: 'list/watched', labels: ['nowhere'] })
      await site.until('the second job to be printed', () => host.out.text.includes(line('watched-2')))
      interrupt()
      expect(await ended).to.equal(exitCodes.interrupted)
    })
  })

  describe('logs', () => {
    it('follows a job from before its start to its end, each line once though the stream breaks', async () => {
      const { host, ended } = start('delegate', 'o/r', '--pool', 'default', '--name', 'runs-followed', '--follow')
      const pod = 'runs-followed-1'
      await site.jobIs('runs-followed', { phase: 'Running' })
      const printed = (text: string) => site.until(`"${text}" to be printed`, () => host.out.text.includes(text))
      logs.write(pod, 'one \u001b[32mgreen\u001b[0m \u001b]0;title\u0007')
      await printed('one')
      logs.breakOff(pod)
      logs.write(pod, 'two')
      await printed('two')
      logs.write(pod, 'three')
      logs.end(pod)
      await site.kubelet.apply(pod, (now) => exited(now, 0))
      expect(await ended).to.equal(exitCodes.ok)
      const lines = host.out.text.split('\n').slice(1)
      expect(lines).to.deep.equal(['one \u001b[32mgreen\u001b[0m ', 'two', 'three', ''])
      expect(host.err.text).to.equal('runs-followed Completed (Succeeded): exit code 0\n')
    })

    it('follows the next attempt of a job as well', async () => {
      const retry = { maxAttempts: 2, reasons: ['ExitCode' as const], backoffSeconds: 1 }
      await site.createPool('again', { labels: ['again'], retry })
      const { host, ended } = start('delegate', 'o/r', '--labels', 'again', '--name', 'runs-again', '--follow')
      for (const [pod, code] of [
        ['runs-again-1', 3],
        ['runs-again-2', 0],
      ] as const) {
        await site.jobIs('runs-again', { phase: 'Running', podName: pod })
        logs.write(pod, `of ${pod}`)
        logs.end(pod)
        await site.kubelet.apply(pod, (now) => exited(now, code))
      }
      expect(await ended).to.equal(exitCodes.ok)
      expect(host.out.text.split('\n').slice(1)).to.deep.equal(['of runs-again-1', 'of runs-again-2', ''])
      expect((await run('why', 'runs-again')).out).to.match(/Attempt 1: +ExitCode on stand-in, /)
    })

    it('prints what there is, or the last lines of it', async () => {
      expect((await run('logs', 'runs-followed', '--tail', '2')).out).to.equal('two\nthree\n')
      expect((await run('logs', 'rj/runs-followed', '--tail', '1', '--timestamps')).out).to.match(/^2026-\S+Z three\n$/)
    })

    const isCaptured = (job: string) => async () =>
      (await site.job(job))?.status.conditions?.some(({ type, status }) => type === 'LogCaptured' && status === 'True')

    async function podGoes(job: string, attempt = 1): Promise<void> {
      await site.until(`the log of ${job} to be stored`, isCaptured(job))
      await site.delete(pods, `${job}-${attempt}`).catch((error: unknown) => {
        if (!(error instanceof NotFound)) throw error
      })
      await site.until('the pod to be gone', async () =>
        (await site.list(pods)).every(({ metadata }) => metadata.name !== `${job}-${attempt}`),
      )
    }

    it('prints and follows the same log once its pod is gone', async () => {
      const live = await run('logs', 'runs-followed')
      expect(live.out.split('\n')).to.have.length(4)
      await podGoes('runs-followed')
      for (const args of [[], ['-f'], ['--attempt', '1']])
        expect(await run('logs', 'runs-followed', ...args), args.join()).to.deep.equal(live)
      for (const args of [[], ['-f']])
        expect((await run('logs', 'runs-followed', '--tail', '2', ...args)).out, args.join()).to.equal('two\nthree\n')
      expect(await run('logs', 'runs-followed', '-c', 'sidecar')).to.include({
        code: exitCodes.notFound,
        err: "error: job runs-followed has no log: its pod runs-followed-1 is gone; the archive has the log of the job's own container alone\n",
      })
    })

    it('prints the log of each attempt', async () => {
      for (const attempt of [1, 2]) {
        await podGoes('runs-again', attempt)
        for (const args of [[], ['-f']]) {
          const { code, out } = await run('logs', 'runs-again', '--attempt', String(attempt), ...args)
          expect({ code, out }).to.deep.equal({ code: 0, out: `of runs-again-${attempt}\n` })
        }
      }
      expect((await run('logs', 'runs-again')).out).to.equal('of runs-again-2\n')
      expect(await run('logs', 'runs-again', '--attempt', '3')).to.include({
        code: exitCodes.notFound,
        err: 'error: job runs-again has no attempt 3\n',
      })
    })

    it('goes on in the archive where the pod broke off, without a gap, a line twice or a secret', async () => {
      await site.createJob('runs-switched', { poolName: 'default' })
      await site.jobIs('runs-switched', { phase: 'Running' })
      const pod = 'runs-switched-1'
      const token = `ghp_${'a1B2'.repeat(9)}`
      for (let line = 0; line < 50; line += 1) logs.write(pod, `line ${line}`)
      logs.write(pod, `token ${token}`)
      await site.until('the leader to read', () => logs.readers(pod) === 1)
      const { host, ended } = start('logs', '-f', 'runs-switched')
      await site.until('the plugin to read', () => host.out.text.includes('token'))
      logs.loseNext(pod)
      for (let line = 50; line < 60; line += 1) logs.write(pod, `line ${line}`)
      logs.end(pod)
      await site.kubelet.apply(pod, (now) => exited(now, 0))
      await podGoes('runs-switched')
      expect(await ended).to.equal(exitCodes.ok)
      const numbered = Array.from({ length: 60 }, (_, line) => `line ${line}`)
      expect(host.out.text.split('\n')).to.deep.equal([
        ...numbered.slice(0, 50),
        'token [redacted]',
        ...numbered.slice(50),
        '',
      ])
      expect(host.err.text).to.equal('')
    })

    it('ends with 3 and the call of the REST API if the log may be in a bucket', async () => {
      for (const { metadata } of await site.list(configMaps))
        if (metadata.name.includes((await site.job('runs-switched'))?.status.podUID ?? 'none'))
          await site.delete(configMaps, metadata.name)
      const { code, out, err } = await run('logs', 'runs-switched')
      expect({ code, out }).to.deep.equal({ code: exitCodes.notFound, out: '' })
      expect(err).to.match(/its pod runs-switched-1 is gone, and no ConfigMap has its log; a bucket or a volume may/)
      expect(err).to.include('"$RUNNERHUB_URL/api/jobs/runs-switched/logs?download=true&attempt=1"')
    })

    it('ends with 3 for a job that does not exist, has not started, or has lost its pod', async () => {
      const missing = await run('logs', 'nobody')
      expect(missing.code).to.equal(exitCodes.notFound)
      expect(missing.err).to.match(/^error: there is no job nobody in namespace \S+; kubectl runnerhub list .*\n$/)
      const waiting = await run('logs', 'queued-listed')
      expect(waiting).to.include({
        code: exitCodes.notFound,
        err: 'error: job queued-listed has no log: it never had a pod\n',
      })
    })
  })

  describe('why', () => {
    it('explains a job in words, as JSON too', async () => {
      const { code, out } = await run('why', 'queued-listed')
      expect(code).to.equal(0)
      expect(out).to.match(/^queued-listed is Queued for \d+s \(list\/one\)\n/)
      expect(out).to.include('Message:     no RunnerPool offers the label "nowhere"')
      expect(out).to.match(/What helps: {2}Compare the labels/)
      expect(await json('why', 'fails-1')).to.include({ phase: 'Failed', reason: 'ExitCode', exitCode: 3 })
    })

    it('ends with 3 for a job that does not exist', async () => {
      expect((await run('why', 'nobody')).code).to.equal(exitCodes.notFound)
    })
  })

  describe('cancel', () => {
    it('cancels jobs, and waits for their end', async () => {
      await site.createJob('runs-cancelled', { poolName: 'default' })
      await site.jobIs('runs-cancelled', { phase: 'Running' })
      const { code, out, err } = await run('cancel', 'runs-cancelled', 'late', '--wait')
      expect({ code, err }).to.have.property('code', exitCodes.ok)
      expect(out.match(/cancel requested/g)).to.have.length(2)
      await site.jobIs('runs-cancelled', { phase: 'Cancelled', reason: 'CancelRequested' })
      expect(await run('cancel', 'late')).to.include({ code: exitCodes.ok })
      await site.createJob('named', { labels: ['nowhere'] })
      expect((await run('cancel', 'named', '-o', 'name')).out).to.equal('runnerjob.runnerhub.dev/named\n')
    })

    it('ends with 1 for a job that has ended otherwise', async () => {
      const { code, out, err } = await run('cancel', 'fails-1')
      expect({ code, out }).to.deep.equal({ code: exitCodes.failed, out: '' })
      expect(err).to.include('has ended already: fails-1 Failed (ExitCode)')
    })
  })

  describe('top', () => {
    it('shows the slots and the queue of each pool', async () => {
      await site.createJob('stuck-1', { poolName: 'default' })
      await site.jobIs('stuck-1', { reason: 'Unschedulable' })
      const { out } = await run('top')
      expect(out).to.match(/^closed +Template +True +0\/0 +0 +0 +[1-9]\d* +\d+/m)
      expect(out).to.match(/^default +Template +True +[1-9]\d*\/20 +#+\.+ +[1-9]\d* +[1-9]\d* +0$/m)
      expect(out).to.match(/^\(no pool\) .* [1-9]\d* +\d+/m)
      const names = elementsOf((await json('top'))['pools']).map((pool) => asObject(pool)['pool'])
      expect(names).to.deep.equal(['again', 'closed', 'default', undefined])
    })

    it('shows labels and repositories of pools, where it is wide', async () => {
      expect((await run('top', '-o', 'wide')).out).to.match(/^default .* self-hosted +all$/m)
    })

    it('is live on a terminal, and leaves it as it was', async () => {
      const interrupted = new AbortController()
      const host = recordedHost({ env: { KUBECONFIG: kubeconfig }, isTerminal: true, signal: interrupted.signal })
      const ended = runPlugin(['top', '-n', site.namespace], host, '1.2.3')
      await site.until('the table to be drawn', () => host.out.text.includes('slots used'))
      const drawn = host.out.text.length
      await site.createPool('later', { labels: ['later'] })
      await site.until('the new pool to be drawn', () => host.out.text.slice(drawn).includes('later'))
      interrupted.abort(new Error('interrupted'))
      expect(await ended).to.equal(exitCodes.interrupted)
      expect(host.out.text.startsWith('\u001b[?1049h')).to.equal(true)
      expect(host.out.text.endsWith('\u001b[?1049l')).to.equal(true)
    })
  })

  describe('doctor', () => {
    it('finds what is missing, and gives the command that mends it', async () => {
      const { code, out } = await run('doctor')
      expect(code).to.equal(exitCodes.failed)
      expect(out).to.match(/^ok +CRDs +runnerjobs\.runnerhub\.dev is up to date$/m)
      expect(out).to.match(/^ok +your rights +you may use every command$/m)
      expect(out).to.match(/^ok +leader +operator-1 holds the Lease runnerhub$/m)
      expect(out).to.match(/^ok +pools +default is ready$/m)
      // Other tests of the process may have an installation in another namespace.
      expect(out).to.match(
        /^FAIL +operator +no operator is installed in namespace .*\n +mend: (helm install|kubectl runnerhub -n)/m,
      )
      expect(out).to.match(/^FAIL +REST API +no Service leads to the REST API\n +mend: kubectl/m)
      expect(out).to.match(/^warn +metrics +(nothing|no ServiceMonitor) scrapes the metrics/m)
    })

    it('skips what the caller may not see, and names the rights that are missing', async () => {
      const host = recordedHost({ env: { KUBECONFIG: ownKubeconfig } })
      await runPlugin(['doctor', '-n', site.namespace, '-o', 'json'], host, '1.2.3')
      const findings = elementsOf(asObject(JSON.parse(host.out.text))['findings']).map(asObject)
      const skipped = findings.filter((finding) => finding['is'] === 'skipped').map((finding) => finding['check'])
      expect(skipped).to.include.members(['CRDs', 'operator', 'webhooks'])
      expect(host.out.text).to.not.include(site.token)
      const denied = recordedHost({ env: { KUBECONFIG: ownKubeconfig } })
      expect(await runPlugin(['doctor', '-n', 'kube-system'], denied, '1.2.3')).to.equal(exitCodes.ok)
      expect(denied.out.text).to.match(
        /^warn +your rights +you may not get runnerjobs, .*\n +mend: kubectl -n kube-system create role/m,
      )
    })
  })

  describe('doctor, where an installation is broken,', () => {
    const forever = new AbortController().signal
    const admission = { group: 'admissionregistration.k8s.io', version: 'v1' }
    const ours = { 'app.kubernetes.io/name': 'runnerhub' }
    const webhookName = `doctor-${randomUUID()}`
    const webhooks: Resource = {
      ...admission,
      plural: 'validatingwebhookconfigurations',
      kind: 'ValidatingWebhookConfiguration',
    }
    let namespace: string

    before(async () => {
      ;({ namespace } = await site.plane.namespace())
      const create = async (resource: Resource, object: Record<string, unknown>): Promise<void> => {
        const { group, version, kind } = resource
        const metadata = {
          namespace,
          ...asObject(object['metadata']),
          name: String(asObject(object['metadata'])['name']),
        }
        const apiVersion = group === '' ? version : `${group}/${version}`
        await site.client.create(resource, { apiVersion, kind, ...object, metadata }, forever)
      }
      const volumes = [{ name: 'tokens', secret: { secretName: 'no-tokens' } }]
      const template = {
        metadata: { labels: ours },
        spec: { serviceAccountName: 'no-rights', containers: [{ name: 'runnerhub', image: 'x' }], volumes },
      }
      const spec = { replicas: 0, selector: { matchLabels: ours }, template }
      await create(deployments, { metadata: { name: 'runnerhub', labels: ours }, spec })
      const ports = [{ name: 'http', port: 3000 }]
      await create(services, { metadata: { name: 'runnerhub', labels: ours }, spec: { selector: ours, ports } })
      const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }
      const webhook = {
        name: 'gone.example.com',
        clientConfig: { service: { namespace, name: 'gone' } },
        rules: [rule],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      }
      await create(webhooks, { metadata: { name: webhookName, namespace: undefined }, webhooks: [webhook] })
    })
    after(() => site.client.delete(webhooks, { namespace: '', name: webhookName }, {}, forever))

    const faults: [check: string, text: RegExp, mend: RegExp][] = [
      ['operator', /^runnerhub is scaled to 0$/, /^kubectl -n \S+ scale deployment\/runnerhub --replicas=2$/],
      ['operator rights', /^no-rights may not .*create pods/, /^helm upgrade .* --set rbac\.create=true -n /],
      ['leader', /^no replica has ever become leader$/, /^kubectl -n \S+ logs --selector /],
      ['webhooks', /webhook gone\.example\.com has no endpoint: Service \S+\/gone$/, /^kubectl describe validating/],
      ['pools', /^there is no pool, so every job waits$/, /^kubectl -n \S+ apply -f config\/samples\/runner-pool/],
      ['REST API', /^Service runnerhub does not answer: /, /^kubectl -n \S+ get endpointslices --selector /],
      ['tokens', /^Secret no-tokens with the tokens is missing$/, /^helm upgrade runnerhub /],
    ]
    it('names each fault, and the command that mends it', async () => {
      const { code, out } = await run('doctor', '-n', namespace, '-o', 'json')
      expect(code).to.equal(exitCodes.failed)
      const findings = elementsOf(asObject(JSON.parse(out))['findings']).map(asObject)
      for (const [check, text, mend] of faults) {
        const found = findings.filter((finding) => finding['check'] === check && finding['is'] === 'failed')
        expect(found, check).to.have.length(1)
        expect(found[0]?.['text']).to.match(text)
        expect(found[0]?.['mend']).to.match(mend)
      }
    })

    it('counts the lines of the token file that are none, and prints no token', async () => {
      const data = { 'tokens.csv': Buffer.from('a-secret,user,uid\nanother secret\n').toString('base64') }
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'no-tokens', namespace }, data }
      await site.client.create(secrets, secret, forever)
      const { out } = await run('doctor', '-n', namespace)
      expect(out).to.match(/^FAIL +tokens +1 of 2 lines of tokens\.csv in Secret no-tokens are not /m)
      expect(out).to.not.include('secret,').and.not.include('another')
    })

    it('finds CRDs that are missing or old, and a scrape without a token', async () => {
      const crd = (plural: string) => ({ method: 'GET', path: new RegExp(`/customresourcedefinitions/${plural}`) })
      const missing = proxy.when(crd('runnerpools')).answer(404, { kind: 'Status', code: 404, reason: 'NotFound' })
      const old = proxy.when(crd('runnerjobs')).rewrite((text) => text.replaceAll('"priority":', '"former":'))
      const monitor = {
        metadata: { name: 'runnerhub', namespace, uid: 'u', resourceVersion: '1' },
        spec: { endpoints: [{ authorization: { credentials: { name: 'none', key: 'metrics' } } }] },
      }
      const path = /\/servicemonitors\?/
      const scraped = proxy
        .when({ method: 'GET', path })
        .answer(200, { metadata: { resourceVersion: '1' }, items: [monitor] })
      const { out } = await run('doctor', '-n', namespace)
      for (const rule of [missing, old, scraped]) rule.remove()
      const apply = '\n +mend: kubectl apply --server-side --force-conflicts --filename charts/runnerhub/crds$'
      expect(out).to.match(new RegExp(`^FAIL +CRDs +runnerpools\\.runnerhub\\.dev is missing${apply}`, 'm'))
      expect(out).to.match(new RegExp(`^warn +CRDs +runnerjobs.* is older .* lacks spec\\.priority${apply}`, 'm'))
      expect(out).to.match(
        /^FAIL +metrics +the token of the ServiceMonitor is missing: key metrics of Secret none\n +mend: helm /m,
      )
    })
  })

  it('completes names of jobs and pools', async () => {
    const names = await run('__complete')
    expect(names.code).to.equal(exitCodes.usage)
    const host = recordedHost({ env: { KUBECONFIG: kubeconfig } })
    await runPlugin(['__complete', '-n', site.namespace, 'why', 'queued-'], host, '1.2.3')
    await runPlugin(['__complete', '-n', site.namespace, 'delegate', 'o/r', '--pool', 'clo'], host, '1.2.3')
    expect(host.out.text).to.equal('queued-listed\tlist/one Queued\n:4\nclosed\n:4\n')
  })

  it('fails in one line where there is no cluster, no context, or no right', async () => {
    const failing = async (env: string, ...args: string[]): Promise<string> => {
      const host = recordedHost({ env: { KUBECONFIG: env } })
      expect(await runPlugin(args, host, '1.2.3')).to.equal(exitCodes.failed)
      expect(host.out.text).to.equal('')
      return host.err.text
    }
    expect(await failing('/nowhere/to/be/found', 'list')).to.match(/^error: cannot read the kubeconfig: .*\n$/)
    expect(await failing(kubeconfig, 'list', '--context', 'none')).to.match(
      /^error: the kubeconfig has no cluster .*\n$/,
    )
    expect(await failing(ownKubeconfig, 'list', '-n', 'kube-system')).to.match(/^error: you may not do this: .*\n$/)
    const missing = proxy.when({ method: 'GET', path: /\/runnerjobs\?/ }).answer(404, '404 page not found')
    expect(await failing(kubeconfig, 'list')).to.match(
      /^error: .*404.*; "kubectl runnerhub doctor" says what is missing\n$/,
    )
    missing.remove()
    const host = recordedHost({ env: { KUBECONFIG: '/nowhere/to/be/found' } })
    expect(await runPlugin(['__complete', 'why', ''], host, '1.2.3')).to.equal(exitCodes.ok)
    expect(host.out.text).to.equal(':4\n')
  })
})
