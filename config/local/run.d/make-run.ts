import { once } from 'node:events'
import { type ArchivePlace, demonstrateArchive } from './archived-log.ts'
import { type Cluster, clusterInUse, clusterTool } from './cluster.ts'
import { demonstrate } from './demonstration.ts'
import { applyBasics } from './deploy.ts'
import { type Forward, forward } from './forward.ts'
import { demandFreePort } from './free-port.ts'
import { buildImage, loadImage } from './image.ts'
import { demonstrateHandOver } from './hand-over.ts'
import type { Place } from './kubectl.ts'
import type { RunOptions } from './options.ts'
import { run as runProgram } from './program.ts'
import { release } from './release.ts'
import { awaitRollout } from './rollout.ts'
import { s3Archive, startS3Server } from './s3-server.ts'
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
  if (options.startsS3 === true) await startS3(cluster, place, say, signal)
  say(`deploying ${image} into namespace ${options.namespace}${withSettings(options.settings)}`)
  const runnerImage = options.runnerImage ?? cluster.baseImage
  const { namespace } = options
  const settings = { ...localSettings, ...options.settings }
  const archive = options.startsS3 === true ? { archive: s3Archive } : {}
  await release(cluster.kubeconfig, { namespace, image, runnerImage, settings, ...archive }, signal)
  await awaitRollout(place, say, signal)
  say('the operator is ready')
  await useForwarded({ options, place, voice, cluster }, signal)
}

function withSettings(settings: Record<string, string>): string {
  const pairs = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? '' : ` with ${pairs.join(', ')}`
}

/** Where logs are kept; undefined if they are not. */
function archivePlace({ settings, startsS3 }: RunOptions): ArchivePlace | undefined {
  if (startsS3 === true) return 'bucket'
  const { LOG_ARCHIVE: archive = 'cluster' } = settings
  if (archive === 'none') return undefined
  return archive === 'cluster' ? 'cluster' : 'elsewhere'
}

async function startCluster(say: Voice['say'], signal: AbortSignal): Promise<Cluster> {
  say('starting the cluster, if it does not run')
  const { code } = await runProgram([clusterTool, 'up'], { output: 'show' }, signal)
  if (code === 0) return clusterInUse(signal)
  const advice = 'fix the reported cause, or use another cluster: RUNNERHUB_KUBECONFIG=FILE make run IMAGE=NAME'
  throw new StepFailed('the cluster cannot be started (see above)', { advice })
}

async function startS3(cluster: Cluster, place: Place, say: Voice['say'], signal: AbortSignal): Promise<void> {
  if (cluster.kind === 'given') {
    throw new StepFailed('no S3 server can be started in the cluster of RUNNERHUB_KUBECONFIG', {
      advice: 'pass LOG_ARCHIVE_BUCKET and the other settings of a bucket, or leave LOG_ARCHIVE=s3 out',
    })
  }
  say('starting an S3 server in the cluster')
  await applyBasics(place, signal)
  await startS3Server(place, cluster.baseImage, signal)
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
    const id = await demonstrate(demonstration, signal)
    const archive = archivePlace(options)
    if (archive !== undefined) await demonstrateArchive(demonstration, { id, archive }, signal)
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
