import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import type { KubeObject, Resource } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { runnerPools } from '../../api/runner-pool.ts'
import { linkedAbortController } from '../../kube/runtime/signals.ts'
import { namespaces } from '../doctor/cluster-kinds.ts'
import type { Host } from '../host.ts'
import { inSession, type Session, type Where } from '../session.ts'
import { plain } from '../text/plain.ts'
import { type Candidate, candidatesFor, type Lookup } from './candidates.ts'

/** How long a shell waits for the cluster, and how many names it gets. */
const PATIENCE_MS = 3000
const MOST = 200

/** Cobra's directive for "no file names", which kubectl reads on the last line. */
const NO_FILES = ':4'

/** Prints what may stand in place of the last word. Without a cluster it knows commands and flags only. */
export async function complete(host: Host, program: CommandUnknownOpts, typed: readonly string[]): Promise<void> {
  const lookup: Lookup = (what) => names(host, whereIn(typed), what).catch(() => [])
  const found = await candidatesFor(program, typed, lookup)
  const lines = found.map(({ word, meaning }) => (meaning === '' ? word : `${word}\t${meaning}`))
  await host.out.write([...lines, NO_FILES, ''].join('\n'))
}

/** The flags that choose the cluster, as far as they are typed. */
export function whereIn(typed: readonly string[]): Where {
  const valueOf = (...flags: string[]): string | undefined => {
    const at = typed.findLastIndex((word) => flags.includes(word))
    const joined = typed.findLast((word) => flags.some((flag) => word.startsWith(`${flag}=`)))
    return at >= 0 ? typed[at + 1] : joined?.slice(joined.indexOf('=') + 1)
  }
  return {
    kubeconfig: valueOf('--kubeconfig'),
    context: valueOf('--context'),
    namespace: valueOf('-n', '--namespace'),
  }
}

async function names(host: Host, where: Where, what: 'job' | 'pool' | 'namespace'): Promise<Candidate[]> {
  const limit = linkedAbortController(host.signal)
  const cancel = host.clock.setTimer(() => limit.abort(new Error('too slow')), PATIENCE_MS)
  try {
    return await inSession({ ...host, signal: limit.signal }, where, (session) => namesIn(session, what))
  } finally {
    cancel()
    limit.release()
  }
}

async function namesIn(session: Session, what: 'job' | 'pool' | 'namespace'): Promise<Candidate[]> {
  switch (what) {
    case 'job':
      return await listed(session, runnerJobs, ({ spec, status }: RunnerJob) => `${spec.repository} ${status.phase}`)
    case 'pool':
      return await listed(session, runnerPools)
    case 'namespace':
      return await listed({ ...session, namespace: '' }, namespaces)
    default:
      return what satisfies never
  }
}

async function listed<T extends KubeObject>(
  { client, namespace, host }: Session,
  resource: Resource<T>,
  meaningOf: (object: T) => string = () => '',
): Promise<Candidate[]> {
  const { items } = await client.listPage(resource, namespace, { limit: MOST }, host.signal)
  return items.map((object) => ({ word: object.metadata.name, meaning: plain(meaningOf(object)) }))
}
