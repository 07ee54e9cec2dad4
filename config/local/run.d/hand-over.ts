import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Listener } from '../../../test/hand-over/listener.ts'
import { messageText } from '../../../test/hand-over/messages.ts'
import { bundle, installProxy } from '../../../test/hand-over/proxy.ts'
import type { Demonstration } from './demonstration.ts'
import { askKubectl, kubectl, type Place } from './kubectl.ts'
import { run } from './program.ts'
import { loadRunnerImage, RUNNER_VERSION } from './runner-image.ts'
import { StepFailed } from './step-failed.ts'
import { localUsers } from './tokens.ts'

/** Time limit for the job, most of which is the start of its pod. */
const patienceMs = 120_000

const pool = 'github'

const steps = ['Check out owner/repo', 'Build it']

/**
 * Hands a job of two steps over, as a proxy runner does: a stand-in for GitHub's Listener gives it to `runnerhub-worker`,
 * a pod runs it, and its log and its result come back.
 */
export async function demonstrateHandOver(
  { place, port, realtimePort, baseImage, show }: Demonstration & { realtimePort: number; baseImage: string },
  signal: AbortSignal,
): Promise<void> {
  const image = await loadRunnerImage(baseImage, signal)
  await createPool(place, image, signal)
  show(
    '\n# A GitHub runner accepts a job with two steps and hands it over. Its log and its result come back to the runner.',
  )
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-run-'))
  try {
    const program = join(folder, 'runnerhub-worker.cjs')
    await bundle(program)
    const settings = {
      RUNNERHUB_URL: `http://127.0.0.1:${port}`,
      RUNNERHUB_REALTIME_URL: `ws://127.0.0.1:${realtimePort}`,
      RUNNERHUB_LABELS: pool,
    }
    const [{ token }] = localUsers
    const options = { name: 'proxy-runner-2', version: RUNNER_VERSION, token, settings }
    const { runner, env } = await installProxy(folder, program, options)
    const jobId = randomUUID()
    const listener = await Listener.start(runner, { env, onLine: show })
    const code = await endOf(listener, messageText({ jobId, standIn: { steps } }), signal)
    if (code !== 100) throw await failed(place, code, signal)
    show('# The exit code on the proxy is 100, which means Succeeded to GitHub.')
    show(`\n$ kubectl --namespace ${place.namespace} get rj`)
    show(await askKubectl(place, ['get', 'rj'], signal))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function endOf(listener: Listener, message: string, signal: AbortSignal): Promise<number | null> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
  const kill = (): void => listener.kill()
  limit.addEventListener('abort', kill, { once: true })
  try {
    await listener.sendJob(message)
    return (await listener.ended()).code
  } finally {
    limit.removeEventListener('abort', kill)
    signal.throwIfAborted()
  }
}

async function createPool(place: Place, image: string, signal: AbortSignal): Promise<void> {
  const container = {
    name: 'runner',
    image,
    imagePullPolicy: 'IfNotPresent',
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  }
  const template = { spec: { securityContext: { runAsUser: 1001, runAsGroup: 1001 }, containers: [container] } }
  const object = {
    apiVersion: 'runnerhub.dev/v1',
    kind: 'RunnerPool',
    metadata: { name: pool },
    spec: { mode: 'Worker', labels: [pool], maxRunners: 2, template },
  }
  const { code, stderr } = await run(kubectl(place, 'apply', '--filename=-'), { input: JSON.stringify(object) }, signal)
  if (code !== 0)
    throw new StepFailed('the pool for the hand-over cannot be created', { details: stderr, advice: 'see above' })
}

async function failed(place: Place, code: number | null, signal: AbortSignal): Promise<StepFailed> {
  const details = await askKubectl(place, ['get', 'rj,rn,pods'], signal)
  const advice = 'see the lines of the proxy above, and describe the job'
  return new StepFailed(`the job that was handed over ended with ${code ?? 'a signal'}`, { details, advice })
}
