import { setTimeout as sleep } from 'node:timers/promises'
import { type Place, kubectl, listByKubectl } from './kubectl.ts'
import { run, tail } from './program.ts'
import { type Rollout, rolloutOf } from './rollout-state.ts'
import { StepFailed } from './step-failed.ts'

const patienceMs = 180_000
/** What passes by itself has passed then: a kubelet that has not yet heard of a ConfigMap, a registry that was busy. */
const troubleMs = 10_000
const everyMs = 500
const selector = '--selector=app.kubernetes.io/name=runnerhub'

/** Waits until the operator runs as it was deployed, telling what happens; gives up on trouble that lasts. */
export async function awaitRollout(place: Place, tell: (what: string) => void, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceMs
  let told = ''
  let stuckSince = Infinity
  for (;;) {
    const rollout = rolloutOf(await listByKubectl(place, ['deployments,replicasets,pods', selector], signal))
    if (rollout.is === 'done') return
    const now = performance.now()
    stuckSince = rollout.is === 'stuck' ? Math.min(stuckSince, now) : Infinity
    if (rollout.is === 'stuck' && now - stuckSince >= troubleMs) throw await trouble(place, rollout, signal)
    const words = rollout.is === 'stuck' ? rollout.why : rollout.told
    if (words !== told) tell(words)
    told = words
    if (now > deadline) {
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
