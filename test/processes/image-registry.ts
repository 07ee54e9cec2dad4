import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { elementsOf } from '../../src/api/json.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import { command } from './command.ts'

const PATH = /^\/v2\/([^/]+)\/(manifests|blobs)\/([^/]+)$/
const TICK_MS = 20

/** Parts of images that were read, by the name of the image. */
type Reads = ReadonlyMap<string, number>

/**
 * A registry from which the node of the local cluster pulls images, by plain HTTP at 127.0.0.1: containerd asks hosts of
 * that address so, without any setting. It serves the OCI archives that `build-image` writes.
 */
export class ImageRegistry {
  readonly #folder: string
  readonly #images = new Map<string, string>()
  readonly #reads = new Map<string, number>()
  readonly #bytesPerSecond: number
  readonly #server = createServer((request, response) => {
    void this.#answer(request.method ?? '', request.url ?? '', response).catch(() => response.destroy())
  })

  private constructor(folder: string, bytesPerSecond: number) {
    this.#folder = folder
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Starts one that sends no more than so many bytes per second in each response. */
  static async start(bytesPerSecond: number): Promise<ImageRegistry> {
    const registry = new ImageRegistry(await mkdtemp(join(tmpdir(), 'runnerhub-registry-')), bytesPerSecond)
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  /** Adds the image of an archive, and returns the name by which it is pulled. */
  async add(name: string, archive: string): Promise<string> {
    const folder = await mkdtemp(join(this.#folder, 'image-'))
    await command('tar', '--extract', '--file', archive, '--directory', folder)
    this.#images.set(name, folder)
    return this.reference(name)
  }

  /** The name by which an image is pulled, whether it is there or not. */
  reference(name: string): string {
    const address = this.#server.address()
    return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}/${name}:1`
  }

  /** How many blobs of each image were read: layers and configurations. */
  get reads(): Reads {
    return new Map(this.#reads)
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #answer(method: string, url: string, response: ServerResponse): Promise<void> {
    if (url === '/v2/') return void response.end('{}')
    const [, name = '', kind, reference = ''] = PATH.exec(url) ?? []
    const folder = this.#images.get(name)
    if (folder === undefined) return refuse(response)
    const digest = reference.startsWith('sha256:') ? reference : await manifestOf(folder)
    const file = join(folder, 'blobs', digest.replace(':', '/'))
    const { size } = await stat(file)
    const type = kind === 'manifests' ? await mediaTypeOf(file) : 'application/octet-stream'
    response.writeHead(200, { 'content-type': type, 'content-length': size, 'docker-content-digest': digest })
    if (method === 'HEAD') return void response.end()
    if (kind === 'blobs') this.#reads.set(name, (this.#reads.get(name) ?? 0) + 1)
    await pipeline(createReadStream(file, { highWaterMark: this.#bytesPerTick }), this.#brake(), response)
  }

  get #bytesPerTick(): number {
    return Math.ceil((this.#bytesPerSecond * TICK_MS) / 1000)
  }

  #brake(): Transform {
    const begun = performance.now()
    let sent = 0
    const dueMs = () => (sent / this.#bytesPerSecond) * 1000 - (performance.now() - begun)
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent += chunk.length
        setTimeout(() => done(null, chunk), Math.max(0, dueMs()))
      },
    })
  }
}

function refuse(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN', message: 'this registry has no such image' }] }))
}

async function manifestOf(folder: string): Promise<string> {
  const { manifests } = asObject(JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')))
  return String(asObject(elementsOf(manifests)[0])['digest'])
}

async function mediaTypeOf(file: string): Promise<string> {
  return String(asObject(JSON.parse(await readFile(file, 'utf8')))['mediaType'])
}
