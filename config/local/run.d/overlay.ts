import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { root } from './cluster.ts'

/** The differences of one deployment to the manifests. */
export interface Deployed {
  namespace: string
  /** The operator's image. */
  image: string
  /** Image of the default pool's jobs. */
  runnerImage: string
  settings: Record<string, string>
  /** Content of the token file, in the CSV format of the API server. */
  tokens: string
  /** Further patches, as kustomize takes them. */
  patches?: { target: { kind: string; name: string }; patch: string }[]
}

/** The images of the manifests, which an overlay replaces. */
const operatorImage = 'docker.io/local/runnerhub'
const poolImage = 'docker.io/library/debian'

/** Writes a kustomize overlay on config/manifests into build/, and returns its folder. */
export async function writeOverlay(deployed: Deployed): Promise<string> {
  const folder = join(root, 'build/deploy', deployed.namespace)
  await mkdir(folder, { recursive: true })
  await writeJson(folder, 'kustomization.yaml', kustomization(folder, deployed))
  await writeJson(folder, 'settings.yaml', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'runnerhub-settings' },
    data: deployed.settings,
  })
  await writeJson(folder, 'tokens.yaml', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'runnerhub-tokens' },
    stringData: { 'tokens.csv': deployed.tokens },
  })
  return folder
}

// YAML holds all of JSON.
function writeJson(folder: string, name: string, value: unknown): Promise<void> {
  return writeFile(join(folder, name), `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 })
}

function kustomization(folder: string, { namespace, image, runnerImage, settings, patches = [] }: Deployed): object {
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: [relative(folder, join(root, 'config/manifests')), 'settings.yaml', 'tokens.yaml'],
    images: [
      { name: operatorImage, ...imageParts(image) },
      { name: poolImage, ...imageParts(runnerImage) },
    ],
    patches: [
      { target: { kind: 'Deployment', name: 'runnerhub' }, patch: annotation(settings) },
      ...wideBindings.map((name) => ({
        target: { kind: 'ClusterRoleBinding', name },
        patch: JSON.stringify([{ op: 'replace', path: '/metadata/name', value: `${name}-${namespace}` }]),
        options: { allowNameChange: true },
      })),
      ...patches,
    ],
  }
}

const wideBindings = ['runnerhub-reviews', 'runnerhub-nodes']

/** The cluster-wide objects of a deployment that are for its namespace alone: ClusterRoleBindings. */
export function bindingsOf(namespace: string): string[] {
  return wideBindings.map((name) => `${name}-${namespace}`)
}

/** Settings are read at the start: changed settings must replace the pods. */
function annotation(settings: Record<string, string>): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(Object.entries(settings).map(String).sort()))
    .digest('hex')
    .slice(0, 12)
  const path = '/spec/template/metadata/annotations'
  return JSON.stringify([{ op: 'add', path, value: { 'runnerhub.dev/settings-hash': hash } }])
}

/** The parts of an image's name, as kustomize and the chart split it. */
export function imageParts(image: string): { newName: string; newTag?: string; digest?: string } {
  const [withoutDigest = '', digest] = image.split('@')
  const [, newName = withoutDigest, newTag] = /^(.*):([^/:]*)$/.exec(withoutDigest) ?? []
  if (digest !== undefined) return { newName, digest }
  return { newName, newTag: newTag ?? 'latest' }
}
