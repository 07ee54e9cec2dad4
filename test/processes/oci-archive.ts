import { asObject } from '../../src/kube/client/parse.ts'
import { command } from './command.ts'

/** An image in an OCI archive, as buildah writes it. */
export interface ArchivedImage {
  /** The digest of its manifest: images with the same digest are equal. */
  digest: string
  /** The configuration of its containers: User, Entrypoint, Labels, ... */
  config: Record<string, unknown>
  /** The paths of all its files and folders, without a slash before them. */
  files: string[]
}

export async function readOciArchive(archive: string): Promise<ArchivedImage> {
  const json = async (path: string) => asObject(JSON.parse(await command(...fileOf(archive, path))))
  const [digest = ''] = digestsIn((await json('index.json'))['manifests'])
  const manifest = await json(blobOf(digest))
  const [configDigest = ''] = digestsIn([manifest['config']])
  const layers = await Promise.all(digestsIn(manifest['layers']).map((layer) => filesOfLayer(archive, layer)))
  return { digest, config: asObject((await json(blobOf(configDigest)))['config']), files: layers.flat() }
}

function digestsIn(descriptors: unknown): string[] {
  return Array.isArray(descriptors) ? descriptors.map((descriptor) => String(asObject(descriptor)['digest'])) : []
}

function blobOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}

function fileOf(archive: string, path: string): [string, ...string[]] {
  return ['tar', '--extract', '--to-stdout', '--file', archive, path]
}

async function filesOfLayer(archive: string, layer: string): Promise<string[]> {
  const script = 'set -o pipefail; "$@" | tar --list --gzip --file -'
  const list = await command('bash', '-c', script, 'list', ...fileOf(archive, blobOf(layer)))
  return list.split('\n').map((path) => path.replace(/^\.?\//, ''))
}
