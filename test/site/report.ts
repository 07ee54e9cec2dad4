import type { KubeObject, Resource } from '../../src/api/object.ts'
import { type Pod, pods } from '../../src/api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../src/api/runner-job.ts'
import { type Runner, runners } from '../../src/api/runner.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { Operator } from '../processes/operator.ts'

export interface KubeEvent extends KubeObject {
  regarding?: { kind: string; name: string }
  reason?: string
  note?: string
}

export const events: Resource<KubeEvent> = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' }

/** The number of objects per kind in a report that is not about a single job. */
const SHOWN = 10

/** The subject of a failure. */
export interface Scene {
  namespace: string
  operators: readonly Operator[]
  /** One job; default: all jobs. */
  job?: string | undefined
}

/** The evidence for a failed test: jobs, Runners, pods, Events, and the ends of the operators' logs. */
export async function report(client: KubeClient, { namespace, operators, job }: Scene): Promise<string> {
  const section = async <T extends KubeObject>(resource: Resource<T>, line: (object: T) => string): Promise<string> => {
    const signal = AbortSignal.timeout(5000)
    try {
      const { items } = await client.listPage(resource, namespace, {}, signal)
      const about = items.filter((object) => job === undefined || nameOf(object).startsWith(job))
      const lines = about.slice(0, SHOWN).map(line)
      return [`--- ${resource.plural}: ${items.length}`, ...lines].join('\n')
    } catch (error) {
      return `--- ${resource.plural}: ${String(error)}`
    }
  }
  const sections = await Promise.all([
    section(runnerJobs, ofJob),
    section(runners, ofRunner),
    section(pods, ofPod),
    section(events, ({ regarding, reason, note }) => `${regarding?.kind} ${regarding?.name}: ${reason} ${note}`),
  ])
  const logs = operators.map((operator, index) => `--- log of operator ${index + 1}\n${operator.tail()}`)
  return [...sections, ...logs].join('\n')
}

function nameOf(object: KubeEvent): string {
  return object.regarding?.name ?? object.metadata.name
}

function ofJob({ metadata, spec, status }: RunnerJob): string {
  return `${headOf(metadata)} cancel=${spec.cancel} ${JSON.stringify(status)}`
}

function ofRunner({ metadata, status }: Runner): string {
  return `${headOf(metadata)} ${JSON.stringify(status)}`
}

function ofPod({ metadata, spec, status }: Pod): string {
  return `${headOf(metadata)} node=${spec.nodeName} ${JSON.stringify(status)}`
}

function headOf({ name, uid, deletionTimestamp, finalizers = [] }: KubeObject['metadata']): string {
  const deleting = deletionTimestamp === undefined ? '' : ` deleted ${deletionTimestamp}`
  return `${name} ${uid.slice(0, 8)}${deleting} [${finalizers.join(' ')}]`
}
