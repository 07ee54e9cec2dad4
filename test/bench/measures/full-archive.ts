import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { ConfigMapStore } from '../../../src/archive/config-map-store.ts'
import { inFlight } from '../stage/bare-client.ts'
import { newJob } from '../stage/jobs.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { onStage, type Stage } from '../stage/stage.ts'

/** What a full archive costs etcd and the API server. */
export interface FullArchiveResult {
  surroundings: Surroundings
  /** What is stored, in MiB, in so many ConfigMaps. */
  mib: number
  configMaps: number
  /** Memory without and with it, in MB. */
  apiServerRssMb: Change
  etcdRssMb: Change
  /** The file of etcd, in MB. */
  etcdFileMb: Change
}

interface Change {
  before: number
  after: number
}

/** The size of a part of a long log. */
const PART_BYTES = 64 * 1024

/** When memory is read after the last write: Go returns memory late. */
const SETTLE_MS = 30_000

const forever = new AbortController().signal

/** Fills the archive in the cluster with as much as LOG_ARCHIVE_CLUSTER_MIB allows, in parts of 64 KiB. */
export function measureFullArchive(mib: number): Promise<FullArchiveResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const { namespace } = await stage.place('runnerhub')
    await sleep(SETTLE_MS)
    const before = await costOf(stage)
    const job = await stage.admin.create(runnerJobs, newJob(namespace, 0), forever)
    const store = new ConfigMapStore({ client: stage.admin })
    const configMaps = (mib * 1024 * 1024) / PART_BYTES
    const attempt = { namespace, jobName: job.metadata.name, jobUid: job.metadata.uid }
    // Packed text looks like random bytes.
    await inFlight(8, configMaps, (index) =>
      store.put({ ...attempt, podUid: `pod-${index}` }, 'end', randomBytes(PART_BYTES), forever),
    )
    await sleep(SETTLE_MS)
    const after = await costOf(stage)
    const change = (of: keyof typeof after): Change => ({ before: before[of], after: after[of] })
    return {
      surroundings: around,
      mib,
      configMaps,
      apiServerRssMb: change('apiServer'),
      etcdRssMb: change('etcd'),
      etcdFileMb: change('file'),
    }
  })
}

async function costOf({ usage, directory }: Stage): Promise<{ apiServer: number; etcd: number; file: number }> {
  const [apiServer, etcd] = await Promise.all([usage('kube-apiserver'), usage('etcd')])
  return { apiServer: apiServer.rssMb, etcd: etcd.rssMb, file: await sizeOf(join(directory, 'etcd/member/snap')) }
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder)
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size))
  return sizes.reduce((sum, size) => sum + size, 0) / 1e6
}
