import { setTimeout as sleep } from 'node:timers/promises'
import { type Place, kubectl, listByKubectl } from './kubectl.ts'
import { run, tail } from './program.ts'
import { type Rollout, rolloutOf } from './rollout-state.ts'
import { StepFailed } from './step-failed.ts'

const patienceMs = 180_000
/** Transient trouble has passed then: a kubelet that has not seen a ConfigMap yet, a busy registry. */
const troubleMs = 10_000
const everyMs = 500
const selector = '--selector=app.kubernetes.io/name=runnerhub'

/** Waits until the operator runs as deployed, and reports progress; gives up on lasting trouble. */
export async function awaitRollout(
  place: Place,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  let reported = ''
  let stuckSince = Infinity
  for (;;) {
    const rollout = rolloutOf(await listByKubectl(place, ['deployments,replicasets,pods', selector], signal))
    if (rollout.is === 'done') return
    const now = performance.now()
    stuckSince = rollout.is === 'stuck' ? Math.min(stuckSince, now) : Infinity
    if (rollout.is === 'stuck' && now - stuckSince >= troubleMs) throw await trouble(place, rollout, signal)
    const words = rollout.is === 'stuck' ? rollout.why : rollout.progress
    if (words !== reported) report(words)
    reported = words
    if (now > deadline) {
      throw await trouble(place, { is: 'stuck', why: `not ready within ${patienceMs / 1000} s: ${reported}` }, signal)
    }
    await sleep(everyMs, undefined, { signal })
  }
}

async function trouble(
  place: Place,
  { why, pod }: Rollout & { is: 'stuck' },
  signal: AbortSignal,
): Promise<StepFailed> {
  const outputOf = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(kubectl(place, ...args), {}, signal)
    return stdout + stderr
  }
  const chosen = pod === undefined ? [selector] : [pod]
  const parts = await Promise.all([
    outputOf('get', 'pods', '--output=wide', selector),
    outputOf('describe', 'pod', ...chosen).then((text) => tail(text.replace(/.*^Events:/ms, 'Events:'), 15)),
    outputOf('logs', ...chosen, '--tail=20', '--prefix'),
  ])
  const advice = /Image|Pull/.test(why)
    ? 'use an image that the cluster has or can pull (IMAGE=, RUNNER_IMAGE=), or let `make run` build it'
    : 'fix the cause shown in the events and the log above, and run this again'
  return new StepFailed(`the operator does not start: ${why}`, { details: parts.join('\n'), advice })
}
