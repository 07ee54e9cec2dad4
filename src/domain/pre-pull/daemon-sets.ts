import { createHash } from 'node:crypto'
import type { ConfigMap } from '../../api/config-map.ts'
import type { DaemonSet } from '../../api/daemon-set.ts'
import {
  API_VERSION,
  ARCHITECTURE_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  PRE_PULL_ANNOTATION,
  PRE_PULL_LABEL,
} from '../../api/names.ts'
import { elementsOf, fieldsOf, isJson, type Json } from '../../api/json.ts'
import type { NewObject, OwnerReference } from '../../api/object.ts'
import { type RunnerPool, runnerPools } from '../../api/runner-pool.ts'
import { isSilent } from '../json.ts'
import { type Architecture, architectures, holdProgram } from './hold-program.ts'
import { imagesOf, type PooledImage } from './images.ts'

const OS = 'kubernetes.io/os'
const ARCHITECTURE = 'kubernetes.io/arch'

const HOLD = { name: 'runnerhub-hold', mountPath: '/opt/runnerhub/hold' }
const PROGRAM = 'hold'

/** A user that owns nothing in any image. */
const NOBODY = 65_534

/** Fields of a pod that decide on which nodes it runs, and with whose credentials its images are pulled. */
const copied = ['tolerations', 'imagePullSecrets', 'runtimeClassName', 'serviceAccountName']

/** Names of the DaemonSets that a pool may have. */
export function daemonSetNames({ metadata }: RunnerPool): string[] {
  return architectures.map((architecture) => nameOf(metadata.name, architecture))
}

function nameOf(pool: string, architecture: Architecture): string {
  return `runnerhub-images-${pool}-${architecture}`
}

/** The ConfigMap with the programs. Its name derives from the pool and the programs, and it is immutable. */
export function holdConfigMap(pool: RunnerPool): NewObject<ConfigMap> {
  const binaryData = Object.fromEntries(
    architectures.map((architecture) => [architecture, Buffer.from(holdProgram(architecture)).toString('base64')]),
  )
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: `runnerhub-hold-${digestOf([pool.metadata.uid, binaryData])}`,
      ...namespaceOf(pool),
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      ownerReferences: [ownerOf(pool)],
    },
    immutable: true,
    binaryData,
  }
}

/**
 * The DaemonSets that keep the images of a pool on its nodes, one for each architecture that the template allows. Each
 * image has a container that runs a program of ours, which only waits: so the image is in use, and the node does not
 * remove it. The pods have no labels of the pool's own pods.
 */
export function daemonSetsOf(pool: RunnerPool): NewObject<DaemonSet>[] {
  const { spec } = pool.spec.template
  const images = imagesOf(pool)
  const { [ARCHITECTURE]: only, [OS]: os = 'linux' } = fieldsOf(spec['nodeSelector'])
  if (images.length === 0 || os !== 'linux' || fieldsOf(spec['os'])['name'] === 'windows') return []
  return architectures
    .filter((architecture) => only === undefined || only === architecture)
    .map((architecture) => daemonSetOf(pool, images, architecture))
}

function daemonSetOf(
  pool: RunnerPool,
  images: readonly PooledImage[],
  architecture: Architecture,
): NewObject<DaemonSet> {
  const { name } = pool.metadata
  const matchLabels = { [PRE_PULL_LABEL]: name, [ARCHITECTURE_LABEL]: architecture }
  const labels = { [MANAGED_BY_LABEL]: MANAGED_BY, ...matchLabels }
  const spec: DaemonSet['spec'] = {
    selector: { matchLabels },
    // A node keeps the old images until its pod is replaced. Registries get a few requests at a time.
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '20%', maxSurge: 0 } },
    template: { metadata: { labels }, spec: podSpec(pool, images, architecture) },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      name: nameOf(name, architecture),
      ...namespaceOf(pool),
      labels,
      annotations: { [PRE_PULL_ANNOTATION]: digestOf(spec) },
      ownerReferences: [ownerOf(pool)],
    },
    spec,
  }
}

function podSpec(pool: RunnerPool, images: readonly PooledImage[], architecture: Architecture): Json {
  const { spec } = pool.spec.template
  const nodeAffinity = fieldsOf(spec['affinity'])['nodeAffinity']
  return {
    ...Object.fromEntries(copied.filter((field) => !isSilent(spec[field])).map((field) => [field, spec[field]])),
    ...(!isSilent(nodeAffinity) && { affinity: { nodeAffinity } }),
    nodeSelector: { ...fieldsOf(spec['nodeSelector']), [OS]: 'linux', [ARCHITECTURE]: architecture },
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // The program handles no signal: it has nothing to finish.
    terminationGracePeriodSeconds: 1,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: NOBODY,
      runAsGroup: NOBODY,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: images.map(containerOf),
    volumes: [
      {
        name: HOLD.name,
        configMap: {
          name: holdConfigMap(pool).metadata.name,
          defaultMode: 0o555,
          items: [{ key: architecture, path: PROGRAM }],
        },
      },
    ],
  }
}

function containerOf({ image, container, pullPolicy }: PooledImage): Json {
  return {
    name: container,
    image,
    ...(!isSilent(pullPolicy) && { imagePullPolicy: pullPolicy }),
    command: [`${HOLD.mountPath}/${PROGRAM}`],
    // The image's own may be closed to this user.
    workingDir: '/',
    // The limits are for the runtime, which starts the program within them.
    resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '100m', memory: '32Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ ...HOLD, readOnly: true }],
  }
}

/** What has to be done about a DaemonSet of a pool. */
export type DaemonSetStep =
  | { is: 'create' }
  | { is: 'right' }
  | { is: 'replace'; with: DaemonSet }
  /** It goes with an earlier pool of the name. */
  | { is: 'wait' }
  /** Somebody else made it. */
  | { is: 'foreign' }

/** Decides about the object that has the name of a pool's DaemonSet, if there is one. */
export function daemonSetStep(
  known: DaemonSet | undefined,
  wanted: NewObject<DaemonSet>,
  pool: RunnerPool,
): DaemonSetStep {
  if (known === undefined) return { is: 'create' }
  const whose = ownershipOf(known, pool)
  if (whose !== 'ours') return { is: whose }
  const { labels, annotations, ownerReferences = [] } = wanted.metadata
  const isSame =
    known.metadata.annotations?.[PRE_PULL_ANNOTATION] === annotations?.[PRE_PULL_ANNOTATION] &&
    known.metadata.ownerReferences?.some(({ uid }) => uid === pool.metadata.uid) === true &&
    includes(known.spec, wanted.spec)
  if (isSame) return { is: 'right' }
  const metadata = {
    ...known.metadata,
    labels: { ...known.metadata.labels, ...labels },
    annotations: { ...known.metadata.annotations, ...annotations },
    ownerReferences,
  }
  return { is: 'replace', with: { ...known, metadata, spec: wanted.spec } }
}

/** Whose an object with the name of a pool's DaemonSet is. */
export function ownershipOf({ metadata }: DaemonSet, pool: RunnerPool): 'ours' | 'wait' | 'foreign' {
  const { labels, ownerReferences = [] } = metadata
  if (ownerReferences.some(({ uid }) => uid === pool.metadata.uid)) return 'ours'
  if (ownerReferences.length > 0) return 'wait'
  return labels?.[MANAGED_BY_LABEL] === MANAGED_BY ? 'ours' : 'foreign'
}

/** Whether a stored value has everything that is wanted; the API server adds defaults to objects. */
function includes(known: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    const items = elementsOf(known)
    return items.length === wanted.length && wanted.every((each, index) => includes(items[index], each))
  }
  if (!isJson(wanted)) return known === wanted
  return isJson(known) && Object.entries(wanted).every(([field, each]) => includes(known[field], each))
}

/** One that blocks the deletion of the pool would need a right on it. */
function ownerOf({ metadata: { name, uid } }: RunnerPool): OwnerReference {
  return { apiVersion: API_VERSION, kind: runnerPools.kind, name, uid }
}

function namespaceOf({ metadata: { namespace } }: RunnerPool): { namespace?: string } {
  return namespace === undefined ? {} : { namespace }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}
