import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { askKubectl, type Place } from '../../config/local/run.d/kubectl.ts'
import { helm } from '../charts/chart.ts'
import { rawListener } from '../integration/realtime/listener.ts'
import { eventually } from '../observe/eventually.ts'
import { freePort } from '../processes/free-port.ts'
import { prepare } from './installation/image.ts'
import { type MakeRun, portIsFree, startMakeRun } from './installation/make-run.ts'

describe('make run', () => {
  // Not the namespace that a person may be using.
  const namespace = `e2e-run-${randomBytes(4).toString('hex')}`
  const running: MakeRun[] = []
  let place: Place
  let port: number
  let realtimePort: number

  const makeRun = (...settings: string[]): MakeRun => {
    const run = startMakeRun([
      `RUN_NAMESPACE=${namespace}`,
      `RUN_HTTP_PORT=${port}`,
      `RUN_REALTIME_PORT=${realtimePort}`,
      ...settings,
    ])
    running.push(run)
    return run
  }

  before(async () => {
    const { cluster } = await prepare()
    place = { kubeconfig: cluster.kubeconfig, namespace }
    port = await freePort()
    realtimePort = await freePort()
  })

  after(async () => {
    for (const run of running) run.kill()
    const within = () => AbortSignal.timeout(120_000)
    await askKubectl(place, ['delete', 'runnerjobs', '--all'], within())
    await helm('uninstall', 'runnerhub', '--kubeconfig', place.kubeconfig, '--namespace', namespace)
    await askKubectl(place, ['delete', 'namespace', namespace, '--wait=false'], within())
  })

  it('gives up on an image that cannot be pulled, with the reason of the kubelet and an advice', async () => {
    const run = makeRun('RUN_ONCE=1', 'IMAGE=127.0.0.1:1/does-not/exist:1')
    expect(await run.ended, run.output()).to.equal(2)
    expect(run.output()).to.match(/the operator does not start: (ErrImagePull|ImagePullBackOff) .*does-not\/exist:1/)
    expect(run.output()).to.match(/Failed to pull image/)
    expect(run.output()).to.include('use an image that the cluster has or can pull')
  })

  it('deploys with the settings given, shows a job by its log, by REST and by kubectl, and ends with 0', async () => {
    const run = makeRun('RUN_ONCE=1', 'RATE_LIMIT_MAX=4321', 'LOG_ARCHIVE=s3')
    expect(await run.ended, run.output()).to.equal(0)
    const shown = run.output()
    const expected = [
      'starting the cluster, if it does not run',
      'loading it into the cluster',
      'starting an S3 server in the cluster',
      `into namespace ${namespace} with RATE_LIMIT_MAX=4321`,
      'the operator is ready',
      `REST answers on http://localhost:${port}, realtime on ws://localhost:${realtimePort}`,
      'ports closed; cluster and operator stay',
    ]
    const messages = shown.split('\n').filter((line) => /^ *\d+s {2}/.test(line))
    expect(messages.flatMap((line) => expected.filter((message) => line.includes(message)))).to.deep.equal(expected)
    expect(shown).to.include(`$ curl -X POST http://localhost:${port}/api/jobs/delegate`)
    expect(shown).to.match(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z Starting job 123 of run 456$/m)
    expect(shown).to.match(/Z Job done$/m)
    expect(shown).to.match(/^ +"status": "completed",$/m)
    expect(shown).to.match(/^runnerjob\.runnerhub\.dev\/\S+ +owner\/repo +CI +Completed +Succeeded/m)
    expect(shown).to.match(/^runnerpool\.runnerhub\.dev\/default /m)
    expect(shown).to.match(/^Kind: +RunnerJob$/m)
    expectArchived(shown, /^\/s3\/data\/logs\/\S+\/end\.gz$/m)
    // The second demonstration.
    const [, handedOver = ''] = shown.split('# A GitHub runner accepts a job with two steps and hands it over.')
    expect(handedOver).to.match(/^\[WORKER runnerhub\] \S+Z ##\[group\]Step 1: Check out owner\/repo$/m)
    expect(handedOver).to.match(/^\[WORKER runnerhub\] \S+Z ##\[group\]Step 2: Build it$/m)
    expect(handedOver).to.include('# The exit code on the proxy is 100, which means Succeeded to GitHub.')
    const [, afterwards = ''] = handedOver.split('get rj')
    expect(afterwards).to.match(/owner\/repo +CI +Completed +Succeeded/)
    const settings = ['get', 'configmap', 'runnerhub', '--output=jsonpath={.data}']
    const given: unknown = JSON.parse(await askKubectl(place, settings, AbortSignal.timeout(10_000)))
    expect(given).to.include({ RATE_LIMIT_MAX: '4321', REALTIME_ANONYMOUS: 'true' })
    expect(await portIsFree(port)).to.equal(true)
  })

  it('upgrades in place if run again, stays while the operator changes, and releases the port at Ctrl-C', async () => {
    const run = makeRun()
    await run.printed('Ctrl-C ends the forwarding')
    expect(await rateLimit(port)).to.equal('100')
    // Within 15 seconds of the last run the delegation means its job; later it is a new one.
    expect(run.output()).to.match(/"status": ?"queued"|The same delegation within 15 seconds/)
    expect(run.output()).to.match(/Z Job done$/m)
    // The default needs no server.
    expectArchived(run.output(), /^log-\S+-end +1 /m)

    const realtimeUrl = `ws://127.0.0.1:${realtimePort}`
    const listener = await rawListener(realtimeUrl, {})
    const signal = AbortSignal.timeout(60_000)
    await askKubectl(place, ['set', 'env', 'deployment/runnerhub', 'RATE_LIMIT_MAX=77'], signal)
    await askKubectl(place, ['rollout', 'status', 'deployment/runnerhub'], signal)
    await eventually(async () => (await rateLimit(port)) === '77', { what: 'the new pod to answer', withinMs: 30_000 })
    await listener.closed
    const again = await eventually(() => rawListener(realtimeUrl, {}), { what: 'realtime again', withinMs: 30_000 })
    await again.send('subscribe:repository', 'owner/repo')
    again.close()

    run.interrupt()
    expect(await run.ended, run.output()).to.be.oneOf([0, 2, 130, 'SIGINT'])
    expect(run.output()).to.include('ports closed; cluster and operator stay')
    expect(await portIsFree(port)).to.equal(true)
  })

  it('reports every wrong setting before it does anything', async () => {
    const run = makeRun('RATE_LIMIT_MAX=none', 'RATE_LIMT_MAX=1', 'HTTP_PORT=8080', 'RUN_REALTIME_PORT=0')
    expect(await run.ended).to.equal(2)
    expect(run.output()).to.match(/RATE_LIMIT_MAX\) is "none": must be a whole number/)
    expect(run.output()).to.include('RATE_LIMT_MAX: no such setting')
    expect(run.output()).to.include('HTTP_PORT cannot be set here')
    expect(run.output()).to.include('RUN_REALTIME_PORT must be a port')
    expect(run.output()).not.to.include('starting the cluster')
  })
})

/** The log of the job was shown from its stored part, without its pod. */
function expectArchived(shown: string, part: RegExp): void {
  const [, archived = ''] = shown.split('# The log of a job outlives its pod.')
  const [before = '', after = ''] = archived.split('/logs?download=true"')
  expect(before, shown)
    .to.match(/^pod "\S+" deleted/m)
    .and.to.match(part)
  expect(after, shown).to.match(/^\S+Z Starting job 123 of run 456$/m)
}

async function rateLimit(port: number): Promise<string | null> {
  const response = await fetch(`http://127.0.0.1:${port}/api/jobs`, { headers: { Authorization: 'Bearer your-token' } })
  await response.text()
  return response.headers.get('x-ratelimit-limit')
}
