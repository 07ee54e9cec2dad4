import {
  API_VERSION,
  JOB_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  MESSAGE_LABEL,
  PARTS_ANNOTATION,
} from '../../api/names.ts'
import { keyOf, type NewObject, type OwnerReference } from '../../api/object.ts'
import type { NewRunnerJobSpec, RunnerJob } from '../../api/runner-job.ts'
import { type Secret, secrets } from '../../api/secret.ts'
import { messageLeaseName, PART_BYTES, PART_KEY, partNames } from '../../domain/hand-over/message-parts.ts'
import { ORPHAN_MS } from '../../domain/hand-over/message-plan.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { ApiError, NotFound } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import { type Lease, leases, microTime } from '../../kube/election/lease.ts'
import type { FacadeDeps } from '../context.ts'
import type { AboutMessage } from './message-body.ts'

type Parts = Pick<FacadeDeps, 'client' | 'namespace' | 'clock' | 'log' | 'newId'>

/** How long a deletion that nobody waits for may take. What it leaves behind is swept. */
const CLEAN_UP_MS = 5000

/** A message that is to be stored, for whichever job is made of its delegation. */
export interface Message {
  about: AboutMessage
  packed: Uint8Array
}

/**
 * Stores a message for a job that is made next, in Secrets that belong to a Lease.
 *
 * The job's UID is not known yet, so the Lease owns the Secrets, and the job then owns the Lease: what happens to one of
 * them happens to all. The controllers know from the Lease which Secrets there are, and need not list any. Each attempt
 * has separate names; the job says which attempt's message it runs.
 */
export async function storeMessage(
  deps: Parts,
  jobName: string,
  { about, packed }: Message,
  signal: AbortSignal,
): Promise<StoredMessage> {
  const ref = { id: deps.newId(), parts: Math.max(1, Math.ceil(packed.length / PART_BYTES)) }
  const lease = await deps.client.create(leases, newLease(deps, jobName, ref), signal)
  const stored = new StoredMessage(deps, lease, { ...ref, ...about })
  try {
    for (const [index, name] of partNames(jobName, ref).entries()) {
      const part = packed.subarray(index * PART_BYTES, (index + 1) * PART_BYTES)
      await deps.client.createUnread(secrets, newSecret(lease, name, part), signal)
    }
  } catch (error) {
    await stored.discard()
    throw error
  }
  return stored
}

/** A message that is stored. */
export class StoredMessage {
  /** What the job says about it. */
  readonly ref: NonNullable<NewRunnerJobSpec['message']>
  readonly #deps: Parts
  readonly #lease: Lease

  constructor(deps: Parts, lease: Lease, ref: NonNullable<NewRunnerJobSpec['message']>) {
    this.#deps = deps
    this.#lease = lease
    this.ref = ref
  }

  /** Gives it to its job, with which it then goes. Where that fails, the controllers see to it all the same. */
  async giveTo({ metadata }: RunnerJob, signal: AbortSignal): Promise<void> {
    const { client, log } = this.#deps
    const owner = { apiVersion: API_VERSION, kind: 'RunnerJob', name: metadata.name, uid: metadata.uid }
    const owned = { ...this.#lease, metadata: { ...this.#lease.metadata, ownerReferences: [owner] } }
    try {
      await client.replace(leases, owned, signal)
    } catch (error) {
      log.debug({ job: metadata.name, err: error }, 'the Lease of a message has no owner')
    }
  }

  /** The job was not made, or nobody knows: then it may need its message, and the controllers decide. */
  async refused(error: unknown): Promise<void> {
    if (error instanceof ApiError && error.code < 500) await this.discard()
  }

  /** Deletes it. What is left behind is swept. */
  async discard(): Promise<void> {
    const { client, namespace, log } = this.#deps
    const job = this.#lease.metadata.labels?.[JOB_LABEL] ?? ''
    const signal = AbortSignal.timeout(CLEAN_UP_MS)
    try {
      for (const name of partNames(job, this.ref))
        await unlessGone(client.delete(secrets, { namespace, name }, {}, signal))
      await unlessGone(client.delete(leases, splitKey(keyOf(this.#lease)), {}, signal))
    } catch (error) {
      log.debug({ job, err: error }, 'a message is left to be swept')
    }
  }
}

async function unlessGone(deletion: ReturnType<KubeClient['delete']>): Promise<void> {
  try {
    await deletion
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
  }
}

function labelsOf(jobName: string, id: string): Record<string, string> {
  return { [MANAGED_BY_LABEL]: MANAGED_BY, [JOB_LABEL]: jobName, [MESSAGE_LABEL]: id }
}

function newLease(
  { namespace, clock }: Parts,
  jobName: string,
  { id, parts }: { id: string; parts: number },
): NewObject<Lease> {
  const now = microTime(clock.now())
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: messageLeaseName(jobName, id),
      namespace,
      labels: labelsOf(jobName, id),
      annotations: { [PARTS_ANNOTATION]: String(parts) },
    },
    spec: { holderIdentity: jobName, leaseDurationSeconds: ORPHAN_MS / 1000, acquireTime: now, renewTime: now },
  }
}

function newSecret({ metadata }: Lease, name: string, part: Uint8Array): NewObject<Secret> {
  const owner: OwnerReference = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    name: metadata.name,
    uid: metadata.uid,
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      labels: { ...metadata.labels },
      ownerReferences: [owner],
    },
    type: 'runnerhub.dev/message',
    // The kubelet then needs to read it once only, and not find out that it is gone.
    immutable: true,
    data: { [PART_KEY]: Buffer.from(part.buffer, part.byteOffset, part.length).toString('base64') },
  }
}
