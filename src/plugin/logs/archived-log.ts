import type { RunnerJob } from '../../api/runner-job.ts'
import { ConfigMapStore } from '../../archive/config-map-store.ts'
import { ArchivedLog } from '../../archive/reader.ts'
import { logCaptured } from '../../domain/log/capture.ts'
import { attemptOf } from '../../domain/runner/keys.ts'
import { exitCodes, Failure } from '../exit.ts'
import type { Session } from '../session.ts'

/** The log of a job's attempt in ConfigMaps; undefined if it is not there. A kubeconfig reads no other store. */
export async function openArchived(
  { client, namespace, host }: Session,
  { metadata, status }: RunnerJob,
): Promise<ArchivedLog | undefined> {
  const { podUID: podUid } = status
  if (podUid === undefined) return undefined
  const attempt = { namespace, jobName: metadata.name, jobUid: metadata.uid, podUid }
  return ArchivedLog.open(new ConfigMapStore({ client }), attempt, host.signal)
}

/** The log of a job that has no pod any more, and none in ConfigMaps. */
export function noLog(job: RunnerJob, container: string | undefined): Failure {
  return new Failure(`job ${job.metadata.name} has no log: ${whyNoLog(job, container)}`, exitCodes.notFound)
}

/** Why there is no log, or not the rest of it, and where it may be. */
export function whyNoLog(job: RunnerJob, container: string | undefined): string {
  const { podName, reason } = job.status
  if (reason === 'Reported') return 'it runs on a proxy runner, which has its log'
  if (podName === undefined) return 'it never had a pod'
  if (container !== undefined)
    return `its pod ${podName} is gone; the archive has the log of the job's own container alone`
  const { status, message = '' } = logCaptured(job) ?? {}
  if (status === 'False') return `its pod ${podName} is gone, and its log was not stored: ${message}`
  if (status === undefined) return `its pod ${podName} is gone`
  const path = `/api/jobs/${job.metadata.name}/logs?download=true&attempt=${attemptOf(job)}`
  const call = `curl -H "Authorization: Bearer $TOKEN" "$RUNNERHUB_URL${path}"`
  return `its pod ${podName} is gone, and no ConfigMap has its log; a bucket or a volume may have it, which REST reads: ${call}`
}
