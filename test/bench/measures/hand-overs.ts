import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { encodeFrame } from '../../../src/api/frame.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { secrets } from '../../../src/api/secret.ts'
import { PART_KEY, partNames } from '../../../src/domain/hand-over/message-parts.ts'
import { Listener } from '../../hand-over/listener.ts'
import { messageText } from '../../hand-over/messages.ts'
import { bundle, installProxy, type Proxy } from '../../hand-over/proxy.ts'
import { installRunner } from '../../hand-over/runner.ts'
import { eventually } from '../../observe/eventually.ts'
import { newPool } from '../../site/objects.ts'
import { inFlight } from '../stage/bare-client.ts'
import { newJob } from '../stage/jobs.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import type { Place } from '../stage/place.ts'
import { PodWatch } from '../stage/pod-watch.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage, type Stage } from '../stage/stage.ts'
import { difference, mean, median, quantile } from '../statistics.ts'
import { Facade, FACADE_TOKEN } from './facade.ts'

const forever = new AbortController().signal

/** Calls in flight: no more bodies with a message are in the memory of a facade at a time. */
const width = 16
const warmUp = 200

/** Length of a message in bytes: that of a small workflow. */
const MESSAGE_BYTES = 20_000

/** Jobs of each kind whose way to their pod is timed, one at a time. */
const timed = 20

const VERSION = '2.336.0'

/** Accepted calls per second, and milliseconds per call. */
interface Taken {
  rate: number
  p50: number
  p99: number
}

export interface HandOverResult {
  surroundings: Surroundings
  /** Delegations without a message, before and after. */
  plain: Taken
  rawDifference: number
  /** Delegations with a message. */
  handedOver: Taken
  ratio: number
  /** Medians in milliseconds, without what a node needs: its kubelet, and the start of the container. */
  times: {
    /** From the call that delegates without a message until the pod is there. */
    plainToPod: number
    /** From the frame of the Listener until the pod is there. */
    frameToPod: number
    /** From the frame of the Listener until the Worker has read it. */
    frameToWorker: number
  }
}

/** Delegates jobs with and without a message, and hands jobs over from the frame on a proxy to the Worker. */
export function measureHandOvers(jobs: number, shipped: Shipped): Promise<HandOverResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const [before, handedOver, after] = await rates(stage, jobs, shipped)
    const plain = {
      rate: mean([before.rate, after.rate]),
      p50: mean([before.p50, after.p50]),
      p99: mean([before.p99, after.p99]),
    }
    return {
      surroundings: around,
      plain,
      rawDifference: difference(before.rate, after.rate),
      handedOver,
      ratio: handedOver.rate / plain.rate,
      times: await times(stage, shipped),
    }
  })
}

async function rates(stage: Stage, jobs: number, shipped: Shipped): Promise<[Taken, Taken, Taken]> {
  const facade = await Facade.start(stage, await stage.place('rates'), shipped, { connections: width })
  const packed = gzipSync(encodeFrame(1, messageText({ jobId: randomUUID(), atLeast: MESSAGE_BYTES / 2 })))
  const plain = (): Promise<Taken> => taken(jobs, (index) => facade.delegate(specOf(index)))
  const handOver = (): Promise<Taken> => taken(jobs, (index) => facade.handOver(specOf(index), packed))
  try {
    return [await facade.during(plain), await facade.during(handOver), await facade.during(plain)]
  } finally {
    await facade.stop()
  }
}

function specOf(index: number): object {
  return { ...newJob('', index).spec, jobId: randomUUID() }
}

async function taken(jobs: number, post: (index: number) => Promise<unknown>): Promise<Taken> {
  await inFlight(width, warmUp, async (index) => void (await post(jobs + index)))
  const spent: number[] = []
  const begun = performance.now()
  await inFlight(width, jobs, async (index) => {
    const from = performance.now()
    await post(index)
    spent.push(performance.now() - from)
  })
  const seconds = (performance.now() - begun) / 1000
  return { rate: jobs / seconds, p50: quantile(spent, 0.5), p99: quantile(spent, 0.99) }
}

async function times(stage: Stage, shipped: Shipped): Promise<HandOverResult['times']> {
  const place = await stage.place('times')
  await createWorkers(stage, place)
  const watch = new PodWatch(stage, place)
  await watch.start()
  const facade = await Facade.start(stage, place, shipped, { connections: 1, roles: 'both' })
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-bench-'))
  try {
    const program = join(folder, 'runnerhub-worker.cjs')
    await bundle(program)
    const settings = { RUNNERHUB_URL: facade.url, RUNNERHUB_LABELS: 'self-hosted,linux,x64' }
    const proxy = await installProxy(folder, program, {
      name: 'proxy',
      version: VERSION,
      token: FACADE_TOKEN,
      settings,
    })
    const plainToPod: number[] = []
    const handedOver: { toPod: number; toWorker: number }[] = []
    await facade.during(async () => {
      // The first job of each kind finds code that is not compiled yet.
      for (let nth = 0; nth <= timed; nth += 1) {
        plainToPod.push(await timePlain(facade, watch, nth))
        handedOver.push(await timeHandOver(stage, place, watch, { proxy, folder }))
      }
    })
    const ofTimed = (values: readonly number[]): number => median(values.slice(1))
    return {
      plainToPod: ofTimed(plainToPod),
      frameToPod: ofTimed(handedOver.map(({ toPod }) => toPod)),
      frameToWorker: ofTimed(handedOver.map(({ toWorker }) => toWorker)),
    }
  } finally {
    await facade.stop()
    await watch.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function createWorkers({ admin }: Stage, { namespace }: Place): Promise<void> {
  const template = { spec: { containers: [{ name: 'runner', image: 'actions-runner' }] } }
  const pool = newPool('workers', {
    mode: 'Worker',
    labels: ['self-hosted', 'linux', 'x64'],
    maxRunners: 1000,
    template,
  })
  await admin.create(runnerPools, { ...pool, metadata: { ...pool.metadata, namespace } }, forever)
}

async function timePlain(facade: Facade, watch: PodWatch, index: number): Promise<number> {
  const begun = performance.now()
  const id = await facade.delegate(specOf(index))
  return untilPod(watch, id, begun)
}

/** How long after a time the pod of a job was there. */
async function untilPod(watch: PodWatch, job: string, begun: number): Promise<number> {
  const [waited = Number.NaN] = await watch.untilSeen(new Map([[`${job}-1`, begun]]))
  return waited
}

/** Gives a job to a proxy's program, and runs the agent for the pod that is made of it, as a node would. */
async function timeHandOver(
  stage: Stage,
  place: Place,
  watch: PodWatch,
  { proxy, folder }: { proxy: Proxy; folder: string },
): Promise<{ toPod: number; toWorker: number }> {
  const jobId = randomUUID()
  const message = messageText({ jobId, standIn: { toStdout: true }, atLeast: MESSAGE_BYTES / 2 })
  const begun = performance.now()
  const listener = await Listener.start(proxy.runner, { env: proxy.env })
  await listener.sendJob(message)
  try {
    const id = await eventually(() => /the job is http\S+\/([0-9a-f-]{36})/.exec(listener.stdout)?.[1], {
      what: `the proxy to hand job ${jobId} over: ${listener.stderr}`,
    })
    const toPod = await untilPod(watch, id, begun)
    const file = await messageFile(stage, place, id, folder)
    // Each pod has the runner of its image.
    const runner = join(folder, id, 'runner')
    await installRunner(runner, VERSION)
    const agentAt = performance.now()
    const frameAt = await untilFrame(runner, { file, jobId })
    return { toPod, toWorker: toPod + frameAt - agentAt }
  } finally {
    listener.kill()
    await listener.close()
  }
}

/** The message as the kubelet would mount it. */
async function messageFile({ admin }: Stage, { namespace }: Place, job: string, folder: string): Promise<string> {
  const { spec } = await admin.get(runnerJobs, { namespace, name: job }, forever)
  const names = spec.message === undefined ? [] : partNames(job, spec.message)
  const parts = await Promise.all(names.map((name) => admin.get(secrets, { namespace, name }, forever)))
  const file = join(folder, job, 'frame.gz')
  await mkdir(join(folder, job))
  await writeFile(file, Buffer.concat(parts.map(({ data }) => Buffer.from(data?.[PART_KEY] ?? '', 'base64'))))
  return file
}

/** When the Worker that an agent starts has read its frame. */
async function untilFrame(runner: string, { file, jobId }: { file: string; jobId: string }): Promise<number> {
  const agent = spawn('bash', [join(import.meta.dirname, '../../../src/agent/agent.sh')], {
    env: {
      PATH: process.env['PATH'],
      RUNNERHUB_MESSAGE: file,
      RUNNERHUB_RUNNER_DIRECTORY: runner,
      RUNNERHUB_RUNNER_VERSION: VERSION,
      RUNNERHUB_TERMINATION_LOG: '/dev/null',
      RUNNERHUB_JOB_ID: jobId,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let readAt: number | undefined
    agent.stdout.on('data', (text: Buffer) => {
      if (text.includes('frame sha256=')) readAt ??= performance.now()
    })
    agent.once('error', reject)
    agent.once('close', (code) => (readAt === undefined ? reject(noFrame(agent, code)) : resolve(readAt)))
  })
}

function noFrame({ signalCode }: ChildProcess, code: number | null): Error {
  return new Error(`the agent ended with ${code ?? signalCode}, and its Worker has read no frame`)
}
