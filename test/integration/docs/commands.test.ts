import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { type ChartSite, openDocumentedSite } from '../../charts/chart-site.ts'
import { helmPath, manifestsIn } from '../../charts/chart.ts'
import { blockOf, commandOf } from '../../documents/documents.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { exited, exits, running, runs, succeeds, unschedulable } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from '../../site/calls/call.ts'
import { openShell, type Shell } from '../../site/calls/shell.ts'

const runbook = (alert: string): string => `docs/runbooks/${alert}.md`
const quickStart = 'docs/quick-start.md'
const operations = 'docs/operations.md'
const jobPage = 'docs/spec/v1/runnerjob.md'
const inPhase = (phase: string): string => `kubectl --namespace NAMESPACE get rj --field-selector status.phase=${phase}`

/** The job that docs/spec/v1/runnerjob.md describes. */
const shown = 'dc3334da-19ad-5179-b8a3-e3ee09567d55'

/** Read-only commands: document, beginning, and the output that they show, or do not. */
const reads: [document: string, command: string, shows: RegExp, hides?: RegExp][] = [
  [
    quickStart,
    'kubectl --namespace runnerhub get rj,rn,rp',
    /^runnerjob.*\n(.*\n)+NAME.*\nrunner\..*\n(.*\n)+NAME.*\nrunnerpool/m,
  ],
  ['README.md', 'kubectl get rj', /^failed +owner\/repo +CI +Failed +ExitCode /m],
  ['docs/api.md', 'kubectl get rj', /^waiting +owner\/repo +CI +Queued +NoMatchingPool /m],
  ['docs/troubleshooting.md', 'kubectl get rj', /^waiting +owner\/repo +CI +Queued +NoMatchingPool /m],
  ['docs/github.md', 'kubectl get rj', /^waiting +owner\/repo +CI +Queued +NoMatchingPool /m],
  ['docs/github.md', 'kubectl describe rj', /^ +Message: +exit code 3$/m],
  ['docs/install.md', 'kubectl --namespace runnerhub get rj,rn,rp', /^runnerjob/m],
  [operations, 'kubectl get rj', /^waiting +owner\/repo +CI +Queued +NoMatchingPool /m],
  [operations, 'kubectl describe rj', /^ +Message: +exit code 3$/m],
  [
    runbook('RunnerHubAbsent'),
    'kubectl --namespace NAMESPACE get pods',
    /^(runnerhub-\S+ .*\n){2}/m,
    /failed-1|starting-1/,
  ],
  [runbook('RunnerHubApiErrors'), "kubectl get --raw '/readyz?verbose'", /^readyz check passed$/m],
  [runbook('RunnerHubInfrastructureFails'), inPhase('Failed'), /^failed /m, /waiting|starting/],
  [runbook('RunnerHubInfrastructureFails'), 'kubectl get nodes', /^stand-in /m],
  [runbook('RunnerHubInfrastructureFails'), 'kubectl describe node', /^Name: +stand-in$/m],
  [runbook('RunnerHubJobsFail'), inPhase('Failed'), /^failed /m, /waiting|starting/],
  [runbook('RunnerHubLogsLost'), 'kubectl --namespace NAMESPACE get rj', /^failed\tstand-in\t$/m],
  [
    runbook('RunnerHubNoLeader'),
    'kubectl --namespace NAMESPACE get lease',
    /^ +holderIdentity: operator-1\n(.*\n)* +renewTime: /m,
  ],
  [runbook('RunnerHubQueueStuck'), inPhase('Queued'), /^waiting .* NoMatchingPool /m, /failed|starting/],
  [runbook('RunnerHubSlowStart'), inPhase('Assigned'), /^starting .* Unschedulable /m, /failed|waiting/],
  [jobPage, 'kubectl explain rj.spec', /^ +cancel\t<boolean>$/m],
  [jobPage, 'kubectl get rj', /^waiting +owner\/repo +CI +Queued +NoMatchingPool /m],
  [jobPage, 'kubectl get rp', /^default +\["self-hosted",/m],
  ['docs/pools.md', 'kubectl get rp', /^NAME +LABELS +MAX +RUNNING +STARTING +QUEUED +READY +AGE$/m],
  [jobPage, 'kubectl describe rp', /^ +Type: +Ready$/m],
  [jobPage, `kubectl --namespace runnerhub describe rj ${shown}`, /^Kind: +RunnerJob$/m],
  [jobPage, 'kubectl --namespace runnerhub wait', /^runnerjob.* condition met$/m],
]

describe('the commands of the documents', function () {
  this.timeout('60s')
  let hub: ChartSite
  let operator: Operator
  let logs: NodeLogs
  let shell: Shell
  let operatorPods: string[]

  before(async function () {
    this.timeout('10m')
    await helmPath()
    hub = await openDocumentedSite()
    const { site } = hub
    logs = await serveLogs(site.plane.client)
    shell = await openShell(site)
    site.kubelet.onPod(({ metadata: { name } }) => {
      if (name.startsWith('failed')) return exits(3)
      return name.startsWith('starting') ? unschedulable() : succeeds()
    })
    operator = await site.operator()
    const common = { labels: ['self-hosted'], workflow: 'CI' }
    await site.createJob(shown, common)
    await site.createJob('failed', common)
    await site.createJob('starting', common)
    await site.createJob('waiting', { ...common, labels: ['nowhere'] })
    await site.jobIs(shown, { phase: 'Completed' })
    await site.jobIs('failed', { phase: 'Failed' })
    await site.jobIs('waiting', { phase: 'Queued', reason: 'NoMatchingPool' })
    await site.jobIs('starting', { phase: 'Assigned', reason: 'Unschedulable' })
    operatorPods = await site.until('the operator to have its pods', async () => {
      const names = (await site.list(pods)).map(({ metadata }) => metadata.name)
      const ours = names.filter((name) => name.startsWith('runnerhub-'))
      return ours.length === 2 && ours
    })
    for (const name of operatorPods) await site.kubelet.apply(name, 'bind', running)
  })
  after(async () => {
    await hub?.site.close()
    await logs?.close()
    await shell?.close()
  })

  /** A command for the API, with this operator's address and an administrator's token. */
  async function forSite(command: string): Promise<string> {
    const { 'runnerhub-admin': token = '' } = await hub.tokens()
    return command.replaceAll('http://localhost:3000', operator.url).replaceAll('your-token', token)
  }

  for (const [document, command, shows, hides] of reads) {
    it(`run unchanged: ${document}: ${command}`, async () => {
      const output = await shell.run(commandOf(document, command))
      expect(output).to.match(shows)
      if (hides !== undefined) expect(output).to.not.match(hides)
    })
  }

  it('RunnerHubApiErrors: shows which callers the API server has rejected, if any', async () => {
    const command = commandOf(runbook('RunnerHubApiErrors'), 'kubectl get --raw /metrics')
    expect(await shell.run(command.replace('rejected', 'dispatched'))).to.match(/^apiserver_flowcontrol_dispatched/m)
    expect(await shell.run(`{ ${command}; } || (($? == 1))`)).to.match(/^(apiserver_flowcontrol_rejected.*\n)*$/)
  })

  it('RunnerHubReconcileErrors: finds the errors of every replica, however much it has logged since', async () => {
    for (const name of operatorPods) {
      logs.write(name, `{"level":50,"msg":"reconcile failed in ${name}"}`)
      for (let line = 0; line < 30; line += 1) logs.write(name, '{"level":30,"msg":"ok"}')
    }
    const output = await shell.run(commandOf(runbook('RunnerHubReconcileErrors'), 'kubectl --namespace NAMESPACE logs'))
    const lines = output.trimEnd().split('\n')
    expect(lines).to.have.length(2)
    for (const name of operatorPods) expect(output).to.include(`"msg":"reconcile failed in ${name}"`)
  })

  it('a job is delegated, shown, and its log followed to its end', async () => {
    hub.site.kubelet.onPod(() => runs())
    const short = await shell.run(await forSite(commandOf('README.md', 'curl -X POST')))
    expect(short).to.match(/"delegationId":"[0-9a-f-]{36}"/)
    const delegated: unknown = JSON.parse(await shell.run(await forSite(commandOf(quickStart, 'curl -X POST'))))
    const id = String(asObject(asObject(delegated)['data'])['delegationId'])
    await hub.site.jobIs(id, { phase: 'Running' })
    logs.write(`${id}-1`, 'a line of the job')
    logs.end(`${id}-1`)
    await hub.site.kubelet.apply(`${id}-1`, (pod) => exited(pod, 0))
    const output = await shell.run((await forSite(commandOf(quickStart, 'ID=…'))).replace('…', id))
    expect(output).to.include(`"id":"${id}"`).and.include('a line of the job')
    await hub.site.jobIs(id, { phase: 'Completed' })
  })

  it('a program receives the events of its repository', async () => {
    const { 'runnerhub-admin': token = '' } = await hub.tokens()
    const id = randomUUID()
    const program = blockOf(quickStart, 'js', 'subscribe:repository')
    const text = program.replaceAll('ws://localhost:3001', operator.realtimeUrl).replaceAll('your-token', token)
    // Frames are handled in order: once this is acknowledged, the program's own frames are handled.
    const addition = `
      import { writeFileSync } from 'node:fs'
      socket.on('connect', async () => {
        await socket.emitWithAck('subscribe:repository', 'owner/repo')
        writeFileSync('subscribed', '')
      })
      socket.on('job:status', ({ jobId }) => jobId === '${id}' && process.exit(0))`
    await writeFile(join(shell.folder, 'program.mjs'), text + addition)
    await symlink(join(import.meta.dirname, '../../../node_modules'), join(shell.folder, 'node_modules'))
    const output = shell.run('node program.mjs')
    await hub.site.until('the program to subscribe', () => existsSync(join(shell.folder, 'subscribed')))
    hub.site.kubelet.onPod(() => succeeds())
    await hub.site.createJob(id, { labels: ['self-hosted'] })
    expect(await output).to.match(new RegExp(`jobId: '${id}',\\s+repository: 'owner/repo',\\s+status: 'assigned'`))
  })

  it('a service account gets a token with which it may delegate jobs', async () => {
    const output = await shell.run(commandOf(quickStart, 'kubectl -n runnerhub create serviceaccount'))
    const token = output.trimEnd().split('\n').at(-1) ?? ''
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = { jobId: '1', runId: '2', repository: 'owner/own', workflow: 'CI', runnerName: 'proxy-1', labels: [] }
    // A denial is cached for two seconds.
    const { status } = await hub.site.until('the binding to be in force', async () => {
      const answer = await call(`${operator.url}/api/jobs/delegate`, { method: 'POST', headers, body })
      return answer.status !== 403 && answer
    })
    expect(status).to.equal(201)
    expect((await call(`${operator.url}/api/jobs`, { headers })).status).to.equal(403)
  })

  it('the plugin of kubectl is installed, and shows a job from its delegation to its end', async () => {
    const page = 'docs/kubectl.md'
    const programs = join(shell.folder, '.local/bin')
    await mkdir(programs, { recursive: true })
    const environment = { HOME: shell.folder, PATH: `${programs}:${process.env['PATH'] ?? ''}` }
    const run = (beginning: string): Promise<string> => shell.run(commandOf(page, beginning), environment)
    for (const name of ['node_modules', 'config', 'src', 'package.json']) {
      const link = join(shell.folder, name)
      if (!existsSync(link)) await symlink(join(import.meta.dirname, '../../..', name), link)
    }
    // What the target does once the packages are installed.
    const install = commandOf(page, 'make kubectl-runnerhub')
    await shell.run(install.replace('make kubectl-runnerhub', 'config/plugin/build'), environment)
    hub.site.kubelet.onPod(() => runs())
    const shownOnTerminal = run('kubectl runnerhub -n runnerhub delegate')
    await hub.site.jobIs('first', { phase: 'Running' })
    logs.write('first-1', 'a line of the first job')
    logs.end('first-1')
    await hub.site.kubelet.apply('first-1', (pod) => exited(pod, 0))
    const text = await shownOnTerminal
    expect(text).to.match(/^runnerjob\.runnerhub\.dev\/first created\na line of the first job\n/)
    expect(text).to.match(/^first is Completed for \d+s \(owner\/repo\)$/m)
    expect(text).to.match(/^first +owner\/repo .* first-1 +stand-in +0 +exit code 0$/m)
    // No pod of the operator serves the Service here, which is what doctor finds.
    const overview = await shell.run(
      `{ ${commandOf(page, 'kubectl runnerhub -n runnerhub top').trim()}; } || (($? == 1))`,
      environment,
    )
    expect(overview).to.match(/^default +Template +True /m)
    expect(overview).to.match(/^ok +operator rights +runnerhub has all its rights$/m)
    expect(overview).to.match(/^ok +tokens +Secret runnerhub-tokens has 4 tokens$/m)
    await run('kubectl runnerhub completion kubectl')
    expect(await shell.run('kubectl __complete runnerhub doc', environment)).to.match(/^doctor\t/m)
  })

  it('a job is cancelled', async () => {
    await hub.site.createJob('unwanted', { labels: ['nowhere'] })
    await shell.run(commandOf(quickStart, 'kubectl -n runnerhub patch rj'), { ID: 'unwanted' })
    await hub.site.jobIs('unwanted', { phase: 'Cancelled', reason: 'CancelRequested' })
  })

  it('the token of the proxy runners is read from its Secret', async () => {
    const output = await shell.run(commandOf('charts/runnerhub/README.md', 'kubectl --namespace runnerhub get secret'))
    expect(output).to.equal((await hub.tokens())['runnerhub-proxy'])
  })

  it('the chart is installed into a new namespace, with another image', async () => {
    const command = commandOf('charts/runnerhub/README.md', 'helm install')
    const elsewhere = command.replace(
      '--namespace runnerhub',
      `--namespace ${hub.site.namespace}-other --dry-run=server`,
    )
    const output = await shell.run(elsewhere.replace('…', 'images.example.com/runnerhub'))
    expect(output)
      .to.match(/image: "?images\.example\.com\/runnerhub:/)
      .and.include('STATUS: pending-install')
  })

  it('the log of the clean-up has the cause of its failure', async () => {
    hub.site.kubelet.onPod(() => runs())
    const hooks = manifestsIn(await hub.helm('get', 'hooks', 'runnerhub'))
    const named = hooks.filter(({ metadata: { name } }) => name === 'runnerhub-clean-up')
    for (const [kind, plural, group] of [
      ['ServiceAccount', 'serviceaccounts', ''],
      ['Job', 'jobs', 'batch'],
    ] as const) {
      const object = named.find((each) => each.kind === kind)
      if (object === undefined) throw new Error(`the chart has no ${kind} for it`)
      const resource: Resource = { group, version: 'v1', plural, kind }
      await hub.site.create<KubeObject>(resource, object)
    }
    const pod = await hub.site.until('the Job to have its pod on the node', async () => {
      const all = await hub.site.list(pods)
      return all.find(({ metadata: { name }, spec }) => name.startsWith('runnerhub-clean-up-') && spec.nodeName)
    })
    logs.write(pod.metadata.name, 'the task is not done')
    expect(await shell.run(commandOf(operations, 'kubectl --namespace runnerhub logs job/'))).to.include(
      'the task is not done',
    )
  })

  it('all jobs and pools are deleted, and the definitions have the names in the command', async () => {
    // Other tests need the definitions: the deletion is only a dry run.
    const command = commandOf(operations, 'kubectl --namespace runnerhub delete rj,rp')
    const output = await shell.run(command.replace('delete crd', 'delete --dry-run=server crd'))
    expect(output.match(/customresourcedefinition\S+ "\S+" deleted/g)).to.have.length(3)
    expect(await hub.site.list(runnerJobs)).to.deep.equal([])
    expect(await hub.site.list(runnerPools)).to.deep.equal([])
  })
})
