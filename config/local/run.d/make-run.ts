import { once } from 'node:events'
import { type Cluster, clusterInUse, clusterTool } from './cluster.ts'
import { demonstrate } from './demonstration.ts'
import { type Forward, forward } from './forward.ts'
import { demandFreePort } from './free-port.ts'
import { buildImage, loadImage } from './image.ts'
import { demonstrateHandOver } from './hand-over.ts'
import type { Place } from './kubectl.ts'
import type { RunOptions } from './options.ts'
import { run as runProgram } from './program.ts'
import { release } from './release.ts'
import { awaitRollout } from './rollout.ts'
import { StepFailed } from './step-failed.ts'

/** The output for people. */
export interface Voice {
  /** Reports progress. */
  say: (message: string) => void
  /** Shows a result. */
  show: (text: string) => void
}

/** Differences to the operator's defaults: the API reference's examples connect without a token. */
const localSettings = { REALTIME_ANONYMOUS: 'true' }

/** Deploys and demonstrates, then stays until the signal, unless `once` is set. */
export async function run(options: RunOptions, voice: Voice, signal: AbortSignal): Promise<void> {
  const { say } = voice
  await demandFreePort(options.httpPort, 'RUN_HTTP_PORT')
  await demandFreePort(options.realtimePort, 'RUN_REALTIME_PORT')
  const cluster = await startCluster(say, signal)
  const place = { kubeconfig: cluster.kubeconfig, namespace: options.namespace }
  const image = await imageFor(cluster, options, say, signal)
  say(`deploying ${image} into namespace ${options.namespace}${withSettings(options.settings)}`)
  const runnerImage = options.runnerImage ?? cluster.baseImage
  const { namespace } = options
  const settings = { ...localSettings, ...options.settings }
  await release(cluster.kubeconfig, { namespace, image, runnerImage, settings }, signal)
  await awaitRollout(place, say, signal)
  say('the operator is ready')
  await useForwarded({ options, place, voice, cluster }, signal)
}

function withSettings(settings: Record<string, string>): string {
  const pairs = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? '' : ` with ${pairs.join(', ')}`
}

async function startCluster(say: Voice['say'], signal: AbortSignal): Promise<Cluster> {
  say('starting the cluster, if it does not run')
  const { code } = await runProgram([clusterTool, 'up'], { output: 'show' }, signal)
  if (code === 0) return clusterInUse(signal)
  const advice = 'fix the reported cause, or use another cluster: RUNNERHUB_KUBECONFIG=FILE make run IMAGE=NAME'
  throw new StepFailed('the cluster cannot be started (see above)', { advice })
}

async function imageFor(
  cluster: Cluster,
  { image }: RunOptions,
  say: Voice['say'],
  signal: AbortSignal,
): Promise<string> {
  if (image !== undefined) return image
  if (cluster.kind === 'given') {
    throw new StepFailed('no image can be loaded into the cluster of RUNNERHUB_KUBECONFIG', {
      advice:
        'push one to a registry that the cluster pulls from, and pass its name: ' +
        '`make image IMAGE=registry.example/team/runnerhub:1` writes build/runnerhub.tar, ' +
        '`make run IMAGE=registry.example/team/runnerhub:1` deploys it',
    })
  }
  const built = await buildImage(cluster.baseImage, say, signal)
  say('loading it into the cluster')
  await loadImage(signal)
  return built
}

interface Deployment {
  options: RunOptions
  place: Place
  voice: Voice
  cluster: Cluster
}

/** The part that needs the ports; they are closed at its end in any case. */
async function useForwarded({ options, place, voice, cluster }: Deployment, signal: AbortSignal): Promise<void> {
  const { say, show } = voice
  // The cluster's network is on this machine.
  const isLocal = cluster.kind === 'local'
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal])
  const open = async (localPort: number, service: string, servicePort: number) =>
    forward({ place, service, localPort, servicePort, report: say, isLocal }, until).catch((error: unknown) => {
      throw new StepFailed(`port ${localPort} cannot be forwarded`, {
        details: String(error),
        advice: 'end the program that listens on it, and run this again',
      })
    })
  const forwards: Forward[] = []
  try {
    forwards.push(await open(options.httpPort, 'runnerhub', 3000))
    forwards.push(await open(options.realtimePort, 'runnerhub-realtime', 3001))
    say(`REST answers on http://localhost:${options.httpPort}, realtime on ws://localhost:${options.realtimePort}`)
    const demonstration = { place, port: options.httpPort, show }
    await demonstrate(demonstration, signal)
    const { realtimePort } = options
    // No image can be loaded into the cluster of somebody else.
    if (cluster.kind !== 'given') {
      await demonstrateHandOver({ ...demonstration, realtimePort, baseImage: cluster.baseImage }, signal)
    }
    if (options.once) return
    say(`the operator stays: REST on http://localhost:${options.httpPort} with "Authorization: Bearer your-token",`)
    say('or viewer-token for read-only access;')
    say(`kubectl with KUBECONFIG=${place.kubeconfig} in namespace ${place.namespace}. Ctrl-C ends the forwarding.`)
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    over.abort()
    await Promise.all(forwards.map((each) => each.ended))
    say('ports closed; cluster and operator stay: `make run` upgrades them, `make down` removes them')
  }
}
