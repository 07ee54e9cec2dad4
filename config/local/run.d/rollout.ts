import { setTimeout as sleep } from 'node:timers/promises'
import { type Place, kubectl, listByKubectl } from './kubectl.ts'
import { run, tail } from './program.ts'
import { type Rollout, rolloutOf } from './rollout-state.ts'
import { StepFailed } from './step-failed.ts'

const patienceMs = 180_000
const everyMs = 500
const selector = '--selector=app.kubernetes.io/name=runnerhub'

/** Waits until the operator runs as it was deployed, telling what happens; gives up at the first sign of trouble. */
export async function awaitRollout(place: Place, tell: (what: string) => void, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceMs
  let told = ''
  for (;;) {
    const rollout = rolloutOf(await listByKubectl(place, ['deployments,replicasets,pods', selector], signal))
    if (rollout.is === 'done') return
    if (rollout.is === 'stuck') throw await trouble(place, rollout, signal)
    if (rollout.told !== told) tell(rollout.told)
    told = rollout.told
    if (performance.now() > deadline) {
      throw await trouble(place, { is: 'stuck', why: `not ready within ${patienceMs / 1000} s: ${told}` }, signal)
    }
    await sleep(everyMs, undefined, { signal })
  }
}

async function trouble(
  place: Place,
  { why, pod }: Rollout & { is: 'stuck' },
  signal: AbortSignal,
): Promise<StepFailed> {
  const told = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(kubectl(place, ...args), {}, signal)
    return stdout + stderr
  }
  const chosen = pod === undefined ? [selector] : [pod]
  const parts = await Promise.all([
    told('get', 'pods', '--output=wide', selector),
    told('describe', 'pod', ...chosen).then((text) => tail(text.replace(/.*^Events:/ms, 'Events:'), 15)),
    told('logs', ...chosen, '--tail=20', '--prefix'),
  ])
  const advice = /Image|Pull/.test(why)
    ? 'give an image that the cluster has or can pull (IMAGE=, RUNNER_IMAGE=), or let `make run` build it'
    : 'mend what the events and the log above say, and run this again'
  return new StepFailed(`the operator does not start: ${why}`, { details: parts.join('\n'), advice })
}
