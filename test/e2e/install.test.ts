import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { root } from '../../config/local/run.d/cluster.ts'
import { askKubectl, type Place } from '../../config/local/run.d/kubectl.ts'
import { type Ended, run } from '../../config/local/run.d/program.ts'
import { helm, helmPath } from '../charts/chart.ts'
import { freePort } from '../processes/free-port.ts'
import { prepare } from './installation/image.ts'

describe('docs/install.md', function () {
  this.timeout('6m')
  let place: Place
  let ended: Ended

  before('is followed, command by command', async function () {
    this.timeout('12m')
    const { cluster, image } = await prepare()
    place = { kubeconfig: cluster.kubeconfig, namespace: `install-${randomBytes(4).toString('hex')}` }
    const text = await readFile(`${root}/docs/install.md`, 'utf8')
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
    const commands = blocks.filter((block) => !block.startsWith('export'))
    // Only the namespace and the port differ, since others may be in use.
    const port = await freePort()
    const script = commands
      .join('\n')
      .replaceAll(/namespace runnerhub\b/g, `namespace ${place.namespace}`)
      .replaceAll('3000:3000', `${port}:3000`)
      .replaceAll('localhost:3000', `127.0.0.1:${port}`)
    const colon = image.lastIndexOf(':')
    const environment = {
      PATH: `${dirname(await helmPath())}:${process.env['PATH']}`,
      KUBECONFIG: cluster.kubeconfig,
      IMAGE_REPOSITORY: image.slice(0, colon),
      IMAGE_TAG: image.slice(colon + 1),
      RUNNER_IMAGE: cluster.baseImage,
    }
    const whole = `trap 'kill $(jobs -p)' EXIT\n${script}`
    const signal = AbortSignal.timeout(500_000)
    ended = await run(['bash', '-euo', 'pipefail', '-c', whole], { environment, directory: root }, signal)
  })
  after('is undone', async () => {
    const signal = AbortSignal.timeout(200_000)
    await helm('uninstall', 'runnerhub', '--namespace', place.namespace, '--kubeconfig', place.kubeconfig)
    await askKubectl(place, ['delete', 'namespace', place.namespace, '--wait=false'], signal)
  })

  it('installs an operator that passes helm test', () => {
    expect(ended.code, ended.stdout + ended.stderr).to.equal(0)
    expect(ended.stdout).to.include('the job is completed, and its log was read')
  })

  it('ends with a job that was delegated by hand', async () => {
    expect(ended.stdout).to.match(/"delegationId":"[0-9a-f-]{36}"/)
    const jobs = await askKubectl(place, ['get', 'rj', '--output=name'], AbortSignal.timeout(30_000))
    expect(jobs.trim().split('\n')).to.have.length(2)
  })
})
