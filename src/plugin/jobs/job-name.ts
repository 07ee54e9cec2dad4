import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { exitCodes, Failure } from '../exit.ts'
import type { Session } from '../session.ts'

/** The name of a job, from a name or from `rj/name` as kubectl prints it. */
export function jobName(word: string): string {
  const name = word.replace(/^(rj|runnerjobs?)(\.runnerhub\.dev)?\//, '')
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) return name
  throw new Failure(`"${word}" is no name of a job`, exitCodes.usage)
}

/** The job of this name. */
export async function findJob({ client, namespace, host, flags }: Session, word: string): Promise<RunnerJob> {
  const name = jobName(word)
  const job = await client.find(runnerJobs, { namespace, name }, host.signal)
  if (job !== undefined) return job
  const hint = `kubectl runnerhub list ${flags} shows those that there are`
  throw new Failure(`there is no job ${name} in namespace ${namespace}; ${hint}`, exitCodes.notFound)
}
