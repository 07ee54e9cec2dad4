import type { RunnerJob } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'

/** An environment variable of a container. */
export type EnvVar = { name: string; value: string }

/** The facts of a delegation, as environment variables of its containers. */
export function delegationEnv(job: RunnerJob, runner: Runner): EnvVar[] {
  const { spec, metadata } = job
  const facts: [name: string, value: string | number | undefined][] = [
    ['DELEGATION_ID', metadata.name],
    ['RUNNER', runner.metadata.name],
    ['REPOSITORY', spec.repository],
    ['RUN_ID', spec.runId],
    ['RUN_ATTEMPT', spec.runAttempt],
    ['JOB_ID', spec.jobId],
    ['WORKFLOW', spec.workflow],
    ['PROXY_RUNNER', spec.runnerName],
    ['SHA', spec.sha],
    ['REF', spec.ref],
    ['EVENT_NAME', spec.eventName],
    ['ACTOR', spec.actor],
    ['LABELS', spec.labels?.join(',')],
  ]
  return facts.map(([name, value]) => ({ name: `RUNNERHUB_${name}`, value: literal(String(value ?? '')) }))
}

/**
 * The kubelet expands $(NAME) in values and reads $$ as a plain $. Doubling each $ makes a caller's text literal.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
function literal(value: string): string {
  return value.replaceAll('$', '$$$$')
}
