import type { Config } from '../config.ts'
import { KubeClient } from '../kube/client/client.ts'
import type { Connection } from '../kube/connection/connection.ts'
import { systemClock as clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { applyCrds } from './apply-crds.ts'
import { cleanUp } from './clean-up.ts'
import { tryAJob } from './try-a-job.ts'

export interface TaskOptions {
  config: Config
  log: Log
  connect: () => Promise<Connection>
  userAgent: string
}

/** A one-off task that the process runs instead of serving. */
export type Task = NonNullable<Config['task']>

/** Runs one task and returns; throws if it is not done within its time limit, or if the process is stopped. */
export async function runTask(task: Task, options: TaskOptions, stop: AbortSignal): Promise<void> {
  const { taskSeconds } = options.config
  const timeout = AbortSignal.timeout(taskSeconds * 1000)
  try {
    await work(task, options, AbortSignal.any([timeout, stop]))
  } catch (error) {
    if (stop.aborted) throw new Error('stopped before it was done; the log above shows its progress', { cause: error })
    if (timeout.aborted)
      throw new Error(`not done within ${taskSeconds} s; the log above shows its progress`, { cause: error })
    throw error
  }
}

async function work(task: Task, { config, log, connect, userAgent }: TaskOptions, signal: AbortSignal): Promise<void> {
  if (task === 'try-a-job') {
    const { taskUrl: url, tokenFile = '' } = config
    return tryAJob({ clock, log, url, tokenFile, labels: config.taskLabels }, signal)
  }
  const client = new KubeClient(await connect(), { userAgent, clock })
  try {
    if (task === 'apply-crds') return await applyCrds({ client, clock, log }, signal)
    const { namespace, leaseName, taskDeployment: deployment } = config
    await cleanUp({ client, clock, log, namespace, deployment, leaseName }, signal)
  } finally {
    await client.close()
  }
}
