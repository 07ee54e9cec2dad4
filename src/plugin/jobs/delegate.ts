import { API_VERSION } from '../../api/names.ts'
import type { NewObject } from '../../api/object.ts'
import { type RunnerJob, runnerJobDefaults, runnerJobs } from '../../api/runner-job.ts'
import { AlreadyExists } from '../../kube/client/errors.ts'
import { exitCodes, type ExitCode, Failure } from '../exit.ts'
import { followLog } from '../logs/follow-log.ts'
import type { Session } from '../session.ts'
import { documentOf, nameOf, wholeObject } from '../text/objects.ts'
import { plain } from '../text/plain.ts'
import { Progress } from '../text/progress.ts'
import { exitCodeOf, limited, stateOf, waitForJob } from './wait.ts'

export interface DelegateOptions {
  jobId?: string | undefined
  runId?: string | undefined
  runAttempt?: number | undefined
  workflow?: string | undefined
  runnerName?: string | undefined
  labels?: string[] | undefined
  sha?: string | undefined
  ref?: string | undefined
  eventName?: string | undefined
  actor?: string | undefined
  pool?: string | undefined
  priority?: number | undefined
  timeout?: number | undefined
  ttl?: number | undefined
  name?: string | undefined
  dryRun?: true | undefined
  wait?: true | undefined
  follow?: true | undefined
  waitTimeout?: number | undefined
  output?: 'json' | 'yaml' | 'name' | undefined
}

/** `delegate`: creates a job, and waits for its end or follows its log if that is wanted. */
export async function delegate(session: Session, repository: string, options: DelegateOptions): Promise<ExitCode> {
  const job = await create(session, newJob(session, repository, options), options)
  const { out } = session.host
  if (options.output === 'json' || options.output === 'yaml') {
    await out.write(documentOf(wholeObject(runnerJobs, job), options.output))
  } else if (options.output === 'name') await out.write(`${nameOf(runnerJobs, job)}\n`)
  else await out.write(`${nameOf(runnerJobs, job)} created${options.dryRun === true ? ' (server dry run)' : ''}\n`)
  if (options.dryRun === true || (options.wait !== true && options.follow !== true)) return exitCodes.ok
  return await awaited(session, job, options)
}

async function awaited(session: Session, job: RunnerJob, { follow, waitTimeout }: DelegateOptions): Promise<ExitCode> {
  const { err, signal } = session.host
  try {
    return await limited(session, waitTimeout, async (waiting) => {
      if (follow === true) await followLog(waiting, job)
      const ended = await waitForJob(waiting, job, new Progress(session.host))
      await err.write(`${plain(stateOf(ended))}\n`)
      return exitCodeOf(ended)
    })
  } catch (error) {
    const command = `kubectl runnerhub ${session.flags} cancel ${job.metadata.name}`
    if (signal.aborted) await err.write(`The job goes on. To cancel it: ${command}\n`)
    throw error
  }
}

function newJob({ namespace, host }: Session, repository: string, options: DelegateOptions): NewObject<RunnerJob> {
  const { name = host.uuid(), jobId = name, runId = name, labels = [], pool, timeout, ttl } = options
  const { runAttempt, workflow, runnerName, sha, ref, eventName, actor, priority } = options
  const facts = { runAttempt, workflow, runnerName, sha, ref, eventName, actor, poolName: pool, priority }
  const given = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
  const spec = {
    ...runnerJobDefaults,
    ...given,
    repository,
    jobId,
    runId,
    labels,
    ...(timeout !== undefined && { timeoutSeconds: Math.ceil(timeout / 1000) }),
    ...(ttl !== undefined && { ttlSecondsAfterFinished: Math.ceil(ttl / 1000) }),
  }
  return { apiVersion: API_VERSION, kind: runnerJobs.kind, metadata: { name, namespace }, spec }
}

async function create(session: Session, job: NewObject<RunnerJob>, { dryRun }: DelegateOptions): Promise<RunnerJob> {
  const { client, host, namespace } = session
  const strict = { fieldValidation: 'Strict' } as const
  try {
    if (dryRun !== true) return await client.create(runnerJobs, job, host.signal, strict)
    await client.dryRunCreate(runnerJobs, job, host.signal, strict)
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error
    throw new Failure(`there is a job ${job.metadata.name} in namespace ${namespace} already`)
  }
  const created = { uid: '', resourceVersion: '', creationTimestamp: host.clock.now().toISOString() }
  return { ...job, metadata: { ...job.metadata, ...created }, status: { phase: 'Queued' } }
}
