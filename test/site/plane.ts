import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KubeObject, Resource } from '../../src/api/object.ts'
import { runnerJobs } from '../../src/api/runner-job.ts'
import { runnerPools } from '../../src/api/runner-pool.ts'
import { runners } from '../../src/api/runner.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { makeNode } from '../kubelet/node.ts'
import { AuditLog } from '../observe/audit.ts'
import { eventually } from '../observe/eventually.ts'
import { type ControlPlane, startControlPlane } from '../processes/control-plane.ts'
import { manifests } from './manifests.ts'
import { type MadeNamespace, makeNamespace } from './namespace.ts'

/** A control plane with our kinds, the garbage collector, an audit log, and no kubelet. */
export interface Plane {
  controlPlane: ControlPlane
  client: KubeClient
  audit: () => AuditLog
  /** A new namespace from the manifests, for one caller. */
  namespace: () => Promise<MadeNamespace>
}

const forever = new AbortController().signal
const root = new URL('../../', import.meta.url).pathname

let shared: Promise<Plane> | undefined
/** The next namespace, created while tests use the last one: its bindings take a while to be in force. */
let spare: Promise<MadeNamespace> | undefined

// One for all tests of a process: it takes ten seconds to start.
after(async function stopPlane() {
  this.timeout('30s')
  const plane = await shared
  await spare?.catch(() => {})
  await plane?.controlPlane.stop()
})

/** The control plane that all sites share. */
export function sharedPlane(): Promise<Plane> {
  return (shared ??= startPlane())
}

async function startPlane(): Promise<Plane> {
  const controlPlane = await startControlPlane({ audit: true })
  const client = controlPlane.client()
  await applyCrds(client)
  // After our kinds: its garbage collector knows them from the start, without a new discovery.
  await Promise.all([controlPlane.startControllerManager(), makeNode(client)])
  const auditPath = join(dirname(controlPlane.kubeconfig), 'audit.log')
  return { controlPlane, client, audit: () => new AuditLog(auditPath), namespace: () => nextNamespace(client) }
}

async function nextNamespace(client: KubeClient): Promise<MadeNamespace> {
  // The spare one may have failed because a test stopped the API server meanwhile.
  const next = spare?.catch(() => makeNamespace(client)) ?? makeNamespace(client)
  spare = undefined
  const made = await next
  if (spare === undefined) {
    spare = makeNamespace(client)
    spare.catch(() => {}) // another one is created then
  }
  return made
}

async function applyCrds(client: KubeClient): Promise<void> {
  const crds: Resource = {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
  }
  for (const file of await readdir(join(root, 'crds'))) {
    for (const crd of await manifests(join('crds', file))) await client.create(crds, crd, forever)
  }
  for (const resource of [runnerJobs, runners, runnerPools]) {
    const isServed = async () => client.listPage<KubeObject>(resource, undefined, { limit: 1 }, forever)
    await eventually(isServed, { what: `${resource.plural} to be served`, withinMs: 20_000 })
  }
}
