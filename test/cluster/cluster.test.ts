import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { eventually } from '../observe/eventually.ts'
import { command } from '../processes/command.ts'
import { leftovers, podProcess } from './leftovers.ts'
import { healthyStatus, logTail, type Part, parts, pidOf, status, type Status } from './parts.ts'
import { networkCheck, Pods } from './pods.ts'
import { cluster, clusterEnv, ended, toolFolder } from './tool.ts'

/** Parts that are killed together: none of a round needs another of it for its restart. */
const rounds: Part[][] = [
  ['etcd', 'kube-scheduler', 'coredns'],
  ['containerd', 'kube-controller-manager', 'kube-proxy'],
  ['kube-apiserver', 'kubelet'],
]

/** These tests stop and start the machine's own cluster: nothing else may use it meanwhile. */
describe('the local cluster', function () {
  this.timeout('3m')
  let kubeconfig: string
  let state: string
  let pods: Pods
  let longRunning = ''

  before('starts', async function () {
    this.timeout('5m')
    const started = performance.now()
    await cluster('up')
    console.log(`    up took ${seconds(started)} s`)
    const env = await clusterEnv()
    if (env['RUNNERHUB_CLUSTER_KIND'] !== 'local') this.skip()
    kubeconfig = env['KUBECONFIG'] ?? ''
    state = dirname(kubeconfig)
    pods = new Pods(kubeconfig, env['RUNNERHUB_BASE_IMAGE'] ?? '')
    longRunning = await startLongRunning()
  })

  after('leaves no pod of its own', async () => {
    if (longRunning !== '') await pods.remove(longRunning)
  })

  // A passed test has checked this itself.
  afterEach('is healthy again for the next test', async function () {
    if (this.currentTest?.state === 'failed') await cluster('up')
  })

  async function startLongRunning(): Promise<string> {
    const name = await pods.start(`exec ${podProcess}`)
    await eventually(() => pods.isRunning(name), { withinMs: 60_000, everyMs: 200, what: `pod ${name} runs` })
    return name
  }

  async function expectWorking(part?: Part): Promise<void> {
    const log = async () => (part === undefined ? '' : logTail(kubeconfig, part))
    await healthyStatus(log)
    const output = await pods.run(networkCheck)
    expect(output, await log())
      .to.match(/^10\.96\.0\.1 /)
      .and.to.contain('service answers')
  }

  it('serves names and Services in pods', () => expectWorking())

  it('never routes the address of a Service outside the machine, even without a rule for a pod', async () => {
    expect(await command('ip', 'route', 'get', '10.96.255.254')).to.match(/ dev rhub0 /)
  })

  it('changes nothing when it is started a second time', async () => {
    const [before, container] = [await healthyStatus(), await pods.containerId(longRunning)]
    const started = performance.now()
    await cluster('up')
    console.log(`      up took ${seconds(started)} s`)
    expect((await healthyStatus()).parts).to.deep.equal(before.parts)
    expect(await pods.isRunning(longRunning)).to.equal(true)
    expect(await pods.containerId(longRunning)).to.equal(container)
  })

  it('is one cluster for every clone on the machine', async () => {
    const clone = await mkdtemp(join(tmpdir(), 'runnerhub-clone-'))
    try {
      await cp(new URL('../../config/local', import.meta.url), clone, { recursive: true })
      const before = await healthyStatus()
      const up = await ended(join(clone, 'cluster'), ['up'])
      expect(up.code, up.stderr).to.equal(0)
      expect((await ended(join(clone, 'cluster'), ['kubeconfig'])).stdout.trim()).to.equal(kubeconfig)
      expect((await healthyStatus()).parts).to.deep.equal(before.parts)
    } finally {
      await rm(clone, { recursive: true })
    }
  })

  it('refuses a second cluster, and does not stop the first one in its name', async () => {
    for (const verb of ['up', 'down']) {
      const { code, stderr } = await ended(`${toolFolder}cluster`, [verb], { RUNNERHUB_LOCAL_STATE: `${state}-two` })
      expect(code).not.to.equal(0)
      expect(stderr).to.contain(`another local cluster is up, with its state in ${state}`)
    }
    await healthyStatus()
  })

  // Before the rounds: a part that has just been started gets more time to become healthy.
  it('restarts a part that hangs', async () => {
    const pid = await pidOf('kube-scheduler')
    process.kill(pid, 'SIGSTOP')
    expect((await status()).parts['kube-scheduler']?.state).to.equal('unhealthy')
    await cluster('up')
    expect(await pidOf('kube-scheduler')).not.to.equal(pid)
    await expectWorking('kube-scheduler')
  })

  for (const round of rounds)
    describe(`when ${round.join(' and ')} were killed`, () => {
      let pod: string
      let container: string
      let healthy: Status
      let broken: Status

      // These rounds come after the tests above, the last of which starts a new cluster.
      before('kill them', async () => {
        pod = await startLongRunning()
        container = await pods.containerId(pod)
        healthy = await healthyStatus()
        for (const part of round) process.kill(pidIn(healthy, part), 'SIGKILL')
        broken = await status()
        const started = performance.now()
        await cluster('up')
        console.log(`      repaired in ${seconds(started)} s`)
      })

      for (const part of round)
        it(`notices that ${part} was killed, and repairs it`, async () => {
          expect(broken.healthy, broken.text).to.equal(false)
          expect(broken.parts[part]?.state, broken.text).to.equal('dead')
          const now = await healthyStatus(() => logTail(kubeconfig, part))
          expect(now.parts[part]?.pid).not.to.equal(pidIn(healthy, part))
        })

      it('works again, and running pods keep running', async () => {
        await expectWorking(round[0])
        expect(await pods.containerId(pod), 'running pods keep running').to.equal(container)
        await pods.remove(pod)
      })
    })

  it('repairs every part in one of these rounds', () => expect(rounds.flat()).to.have.members(parts))

  it('never ends another process with the pid of a dead part', async () => {
    const file = join(state, 'parts', 'coredns.pid')
    const pid = await pidOf('coredns')
    const [, , boot] = (await readFile(file, 'utf8')).trim().split(' ')
    await command('sh', '-c', `echo ${process.pid} 1 ${boot} >${file}`)
    await cluster('up') // ends the real CoreDNS, which has our mark, and not this process
    expect(await pidOf('coredns')).not.to.be.oneOf([pid, process.pid])
    await expectWorking('coredns')
  })

  it('renews a certificate that is about to expire', async () => {
    const base = join(state, 'pki', 'kube-apiserver')
    const sign = `openssl x509 -req -CA ${state}/pki/ca.crt -CAkey ${state}/pki/ca.key -days 5 -out ${base}.crt.short`
    await command('sh', '-c', `openssl req -new -key ${base}.key -subj /CN=kube-apiserver | ${sign}`)
    await command('mv', `${base}.crt.short`, `${base}.crt`)
    await cluster('up')
    const inTwentyDays = String(20 * 24 * 3600)
    const check = await ended('openssl', ['x509', '-noout', '-checkend', inTwentyDays, '-in', `${base}.crt`])
    expect(check.stdout).to.contain('will not expire')
    await expectWorking('kube-apiserver')
  })

  it('recovers after everything was killed at once', async () => {
    const marked = await ended('sh', ['-c', `grep -lzs 'RUNNERHUB_LOCAL_PART=${state}:' /proc/[0-9]*/environ`])
    for (const path of marked.stdout.trim().split('\n')) killIfThere(Number(path.split('/')[2]))
    expect((await status()).healthy).to.equal(false)
    await cluster('up')
    await expectWorking()
  })

  it('recreates its bridge, and the pods on it', async () => {
    await command('ip', 'link', 'delete', 'rhub0')
    expect((await status()).healthy).to.equal(false)
    await cluster('up')
    await expectWorking()
  })

  it('lets two starts at once wait for each other', async () => {
    process.kill(await pidOf('kube-scheduler'), 'SIGKILL')
    await Promise.all([cluster('up'), cluster('up')])
    await expectWorking()
  })

  it('leaves nothing behind when it is stopped, and starts again', async () => {
    await startLongRunning()
    await cluster('down')
    expect(await leftovers(state)).to.deep.equal([])
    expect((await status()).healthy).to.equal(false)
    await cluster('down')
    const started = performance.now()
    await cluster('up')
    console.log(`      a new cluster in ${seconds(started)} s`)
    await expectWorking()
  })
})

function pidIn({ parts: all, text }: Status, part: Part): number {
  const pid = all[part]?.pid
  if (pid === undefined || Number.isNaN(pid)) throw new Error(`${part} does not run:\n${text}`)
  return pid
}

/** Kills a process that may have ended with another one before. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ESRCH') throw error
  }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}
