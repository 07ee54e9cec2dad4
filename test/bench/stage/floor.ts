import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { KubeObject, NewObject, Resource } from '../../../src/api/object.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { eventually } from '../../observe/eventually.ts'
import { goProgram } from '../../processes/go-module.ts'
import { batchJobs } from './job-controller.ts'
import type { Place } from './place.ts'
import { smallPodSpec } from './small-pod.ts'
import type { Stage } from './stage.ts'

const source = join(import.meta.dirname, '../floor/main.go')
const program = join(import.meta.dirname, '../../../build/bench/floor')
const forever = new AbortController().signal

/** A small kind, which has nothing to do with the operator's. */
const floors: Resource = { group: 'bench.runnerhub.dev', version: 'v1', plural: 'floors', kind: 'Floor' }

/** What the client in Go measured. */
export interface FloorRun {
  /** Jobs per second. */
  rate: number
  /** Per job, from the response to its object until the response to its pod. */
  podMs: number[]
  /** CPU and memory of the whole process. */
  cpuSeconds: number
  peakRssMb: number
}

interface Task {
  jobs: number
  /** Jobs before those. */
  warmUp?: number
  /** Starts jobs at random moments, instead of 64 in flight. */
  perSecond?: number
}

/** Builds the client; the first time takes a minute. */
export async function buildFloor(): Promise<void> {
  await goProgram(source, program)
}

/** Makes the small kind, and the right of service accounts to create it and Jobs, once per control plane. */
export async function admitOutsiders({ admin }: Stage): Promise<void> {
  const { group, plural, kind, version } = floors
  const text = { type: 'string' }
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { repository: text } } } },
  }
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind, singular: 'floor', listKind: 'FloorList' },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  }
  await create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  const metadata = { name: 'bench-outsiders' }
  const rbac = 'rbac.authorization.k8s.io'
  const rules = [{ apiGroups: [group, batchJobs.group], resources: [plural, batchJobs.plural], verbs: ['create'] }]
  await create(`/apis/${rbac}/v1/clusterroles`, { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules })
  await create(`/apis/${rbac}/v1/clusterrolebindings`, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: metadata.name },
    subjects: [{ apiGroup: rbac, kind: 'Group', name: 'system:serviceaccounts' }],
  })
  const served = () => admin.listPage(floors, 'default', { limit: 1 }, forever)
  await eventually(served, { what: 'the kind of the floor is served' })

  async function create(path: string, body: object): Promise<void> {
    await admin.request('POST', path, { body }, forever)
  }
}

/** Creates one small object and one small pod per job. */
export function runFloor(stage: Stage, place: Place, task: Task): Promise<FloorRun> {
  const object = {
    apiVersion: `${floors.group}/${floors.version}`,
    kind: floors.kind,
    spec: { repository: 'example-organisation/example-service' },
  }
  return run(stage, place, { ...task, object, path: resourcePath(floors, place.namespace), pod: smallPodSpec })
}

/** Creates only an object of this kind per job. */
export function postObjects<T extends KubeObject>(
  stage: Stage,
  place: Place,
  { resource, object, ...task }: Task & { resource: Resource<T>; object: Omit<NewObject<T>, 'metadata'> },
): Promise<FloorRun> {
  return run(stage, place, { ...task, object, path: resourcePath(resource, place.namespace) })
}

async function run({ server, caFile }: Stage, { token, namespace }: Place, task: object): Promise<FloorRun> {
  const text = await new Promise<string>((resolve, reject) => {
    const child = execFile(program, { maxBuffer: 16 * 1024 * 1024 }, (error, output, complaint) =>
      error === null ? resolve(output) : reject(new Error(`the floor failed: ${complaint}`, { cause: error })),
    )
    child.stdin?.end(JSON.stringify({ server, caFile, token, namespace, ...task }))
  })
  const { rate, podMs, cpuSeconds, peakRssMb } = asObject(JSON.parse(text))
  return {
    rate: Number(rate),
    podMs: Array.isArray(podMs) ? podMs.map(Number) : [],
    cpuSeconds: Number(cpuSeconds),
    peakRssMb: Number(peakRssMb),
  }
}
