import type { Demonstration } from './demonstration.ts'
import { askKubectl } from './kubectl.ts'
import { logExample } from './reference.ts'
import { run } from './program.ts'
import { bucketFolder, serverPod } from './s3-server.ts'
import { StepFailed } from './step-failed.ts'

/** Where the operator keeps logs: in the cluster, in the bucket of `startS3Server`, or in a place of the user. */
export type ArchivePlace = 'cluster' | 'bucket' | 'elsewhere'

/** Deletes the pod of a finished job, shows where its log is, and reads the log by REST. */
export async function demonstrateArchive(
  { place, port, show }: Demonstration,
  { id, archive }: { id: string; archive: ArchivePlace },
  signal: AbortSignal,
): Promise<void> {
  show('\n# The log of a job outlives its pod.')
  const kubectl = async (...args: string[]): Promise<void> => {
    show(`\n$ kubectl --namespace ${place.namespace} ${args.join(' ')}`)
    show(await askKubectl(place, args, signal))
  }
  await kubectl('wait', `rj/${id}`, '--for=condition=LogCaptured', '--timeout=60s')
  await kubectl('delete', 'pod', '--selector', `runnerhub.dev/job=${id}`)
  const job = await askKubectl(place, ['get', 'rj', id, '--output=jsonpath={.metadata.uid} {.status.podUID}'], signal)
  const [jobUid = '', podUid = ''] = job.split(' ')
  if (archive === 'cluster') await kubectl('get', 'configmaps', '--selector', `runnerhub.dev/log=${podUid}`)
  if (archive === 'bucket') await kubectl('exec', serverPod, '--', 'find', bucketFolder, '-path', `*${jobUid}*.gz`)
  const command = logExample(port, id)
  show(`\n$ ${command}`)
  const { code, stdout, stderr } = await run(['bash', '-c', command], {}, signal)
  if (code === 0) return show(stdout)
  throw new StepFailed('the log cannot be read without its pod', {
    details: stdout + stderr,
    advice: 'see the response above',
  })
}
