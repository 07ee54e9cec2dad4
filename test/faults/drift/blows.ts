import { configMaps } from '../../../src/api/config-map.ts'
import { JOB_UID_LABEL, LOG_LABEL } from '../../../src/api/names.ts'
import { controllerRef, type KubeObject, type Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { secrets } from '../../../src/api/secret.ts'
import { messageLeaseName, partNames } from '../../../src/domain/hand-over/message-parts.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import type { Site } from '../../site/site.ts'

const forever = new AbortController().signal

/** What somebody does to the objects of one job. `other` is a job that stays. */
export type Blow = (site: Site, job: RunnerJob, other: RunnerJob) => Promise<unknown>

/** Writes metadata over that of an object. */
function strip(site: Site, resource: Resource, name: string, metadata: Record<string, unknown>): Promise<KubeObject> {
  return site.client.patchMerge(resource, { namespace: site.namespace, name }, { metadata }, forever)
}

const own = ({ metadata }: KubeObject): string => `${metadata.name}-1`
const withoutLabels = { labels: null }
const withoutOwner = { ownerReferences: null }
const withoutFinalizer = { finalizers: null }
const withOwner = (resource: Resource, owner: KubeObject | undefined) =>
  owner === undefined ? withoutOwner : { ownerReferences: [controllerRef(resource, owner)] }

/** To a job that runs. */
export const toRunning: Readonly<Record<string, Blow>> = {
  'the job is deleted': (site, job) => site.delete(runnerJobs, job.metadata.name),
  'the job is deleted, and its Runner had lost its owner': async (site, job) => {
    await strip(site, runners, own(job), withoutOwner)
    await site.delete(runnerJobs, job.metadata.name)
  },
  'the job is deleted, and its Runner had another owner': async (site, job, other) => {
    await strip(site, runners, own(job), withOwner(runnerJobs, other))
    await site.delete(runnerJobs, job.metadata.name)
  },
  'the Runner is deleted': (site, job) => site.delete(runners, own(job)),
  'the Runner is deleted without its pod': (site, job) =>
    site.client.delete(
      runners,
      { namespace: site.namespace, name: own(job) },
      { propagationPolicy: 'Orphan' },
      forever,
    ),
  'the pod is deleted': (site, job) => site.delete(pods, own(job)),
  'the pod is deleted at once, without its finalizer': async (site, job) => {
    await strip(site, pods, own(job), withoutFinalizer)
    await site.delete(pods, own(job), 0)
  },
  'the pod loses its finalizer': (site, job) => strip(site, pods, own(job), withoutFinalizer),
  'the pod loses its labels': (site, job) => strip(site, pods, own(job), withoutLabels),
  'the pod loses its owner': (site, job) => strip(site, pods, own(job), withoutOwner),
  'the pod gets the Runner of another job as its owner': async (site, job, other) =>
    strip(site, pods, own(job), withOwner(runners, await site.runner(other.metadata.name))),
  'the pod loses everything': (site, job) =>
    strip(site, pods, own(job), { ...withoutFinalizer, ...withoutLabels, ...withoutOwner }),
  'the Runner loses its labels': (site, job) => strip(site, runners, own(job), withoutLabels),
  'the Runner loses its owner': (site, job) => strip(site, runners, own(job), withoutOwner),
  'the Runner gets another job as its owner': (site, job, other) =>
    strip(site, runners, own(job), withOwner(runnerJobs, other)),
}

/** The names of the ConfigMaps with the log of a job. */
async function partsOf(site: Site, job: RunnerJob): Promise<string[]> {
  const isPart = ({ metadata: { labels } }: KubeObject) =>
    labels?.[LOG_LABEL] !== undefined && labels[JOB_UID_LABEL] === job.metadata.uid
  return (await site.list(configMaps)).filter(isPart).map(({ metadata }) => metadata.name)
}

/** To a finished job whose log is archived. */
export const toFinished: Readonly<Record<string, Blow>> = {
  'the job is deleted, and its log had lost its owner': async (site, job) => {
    for (const name of await partsOf(site, job)) await strip(site, configMaps, name, withoutOwner)
    await site.delete(runnerJobs, job.metadata.name)
  },
  'the released pod loses its owner': (site, job) => strip(site, pods, own(job), withoutOwner),
  'the log is deleted': async (site, job) => {
    for (const name of await partsOf(site, job)) await site.delete(configMaps, name)
  },
}

const leaseOf = ({ metadata, spec }: RunnerJob): string => messageLeaseName(metadata.name, spec.message?.id ?? '')

/** To a handed-over job that waits. */
export const toWaiting: Readonly<Record<string, Blow>> = {
  'a Secret of the message is deleted': async (site, job) => {
    const [name = ''] = job.spec.message === undefined ? [] : partNames(job.metadata.name, job.spec.message)
    await site.delete(secrets, name)
  },
  'the Lease of the message is deleted': (site, job) => site.delete(leases, leaseOf(job)),
  'the Lease of the message loses its owner': (site, job) => strip(site, leases, leaseOf(job), withoutOwner),
  'the Lease of the message loses its labels': (site, job) => strip(site, leases, leaseOf(job), withoutLabels),
  'the Lease is deleted, and a Secret had lost its owner': async (site, job) => {
    const [name = ''] = job.spec.message === undefined ? [] : partNames(job.metadata.name, job.spec.message)
    await strip(site, secrets, name, withoutOwner)
    await site.delete(leases, leaseOf(job))
  },
}
