import { setTimeout as sleep } from 'node:timers/promises'
import { type Place, askKubectl, kubectl } from './kubectl.ts'
import { run, tail } from './program.ts'
import { delegateExample, followExample, statusExample } from './reference.ts'
import { StepFailed } from './step-failed.ts'

export interface Demonstration {
  place: Place
  port: number
  show: (text: string) => void
}

/** Time limit for the job, which counts five seconds, and for its end to be visible. */
const patienceMs = 60_000

/** Delegates the reference's job, follows its log, shows it by REST and by kubectl, and returns its id. */
export async function demonstrate(demonstration: Demonstration, signal: AbortSignal): Promise<string> {
  const { place, port, show } = demonstration
  const id = await delegate(demonstration, signal)
  await follow(demonstration, id, signal)
  await finished(place, id, signal)
  show(pretty(await example(demonstration, statusExample(port, id), signal)))
  for (const args of [
    ['get', 'rj,rn,rp'],
    ['describe', 'rj', id],
  ]) {
    show(`\n$ kubectl --namespace ${place.namespace} ${args.join(' ')}`)
    show(await askKubectl(place, args, signal))
  }
  return id
}

async function delegate(demonstration: Demonstration, signal: AbortSignal): Promise<string> {
  const answer = await example(demonstration, delegateExample(demonstration.port), signal)
  demonstration.show(pretty(answer))
  if (!answer.includes('"queued"')) {
    demonstration.show('# The same delegation within 15 seconds: the response is the same job.')
  }
  const [, id] = /"delegationId": ?"([0-9a-f-]{36})"/.exec(answer) ?? []
  if (id !== undefined) return id
  const advice = 'see the response above, and the log of the operator below it'
  throw new StepFailed('the job was not delegated', { details: await operatorLog(demonstration.place, signal), advice })
}

/** Shows a command, runs it, and returns its output; a log is shown while it arrives. */
async function example({ place, show }: Demonstration, command: string, signal: AbortSignal): Promise<string> {
  show(`\n$ ${command}`)
  const isStream = command.startsWith('curl -sN')
  const options = isStream ? ({ output: 'show' } as const) : {}
  const { code, stdout, stderr } = await run(['bash', '-c', command], options, signal)
  if (code === 0) return stdout
  throw new StepFailed(`curl failed with exit code ${code}`, {
    details: `${tail(stderr, 3)}\n${await operatorLog(place, signal)}`,
    advice: 'see the log of the operator above',
  })
}

async function follow(demonstration: Demonstration, id: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(patienceMs)
  try {
    await example(demonstration, followExample(demonstration.port, id), AbortSignal.any([signal, limit]))
  } catch (error) {
    throw limit.aborted ? await unfinished(demonstration.place, id, signal) : error
  }
}

async function unfinished(place: Place, id: string, signal: AbortSignal): Promise<StepFailed> {
  const description = await askKubectl(place, ['describe', 'runnerjob', id], signal)
  return new StepFailed(`the job did not end within ${patienceMs / 1000} s`, {
    details: `${description}\n${await operatorLog(place, signal)}`,
    advice: 'see the status and the events of the job, and the log of the operator above',
  })
}

async function finished(place: Place, id: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceMs
  const args = ['get', 'runnerjob', id, '--output=jsonpath={.status.completedAt}']
  while ((await askKubectl(place, args, signal)) === '') {
    if (performance.now() > deadline) throw await unfinished(place, id, signal)
    await sleep(250, undefined, { signal })
  }
}

async function operatorLog(place: Place, signal: AbortSignal): Promise<string> {
  const { stdout, stderr } = await run(kubectl(place, 'logs', 'deployment/runnerhub', '--tail=20'), {}, signal)
  return stdout + stderr
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), undefined, 2)
  } catch {
    return json
  }
}
