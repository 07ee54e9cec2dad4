import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { clusterInUse } from '../../config/local/run.d/cluster.ts'
import { buildImage, imageArchive } from '../../config/local/run.d/image.ts'
import { elementsOf } from '../../src/api/json.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import { command, localTool } from '../processes/command.ts'
import { type ArchivedImage, readOciArchive } from '../processes/oci-archive.ts'

const root = join(import.meta.dirname, '../..')
const mostBytes = 200e6

describe("what the operator's image holds", function () {
  this.timeout('3m')
  let image: ArchivedImage
  /** By their folders. */
  let packagesInLock: Record<string, Record<string, unknown>>

  before(async function () {
    if ((await command(localTool('build-image'), '--builder')) !== 'buildah') this.skip()
    const signal = AbortSignal.timeout(180_000)
    const { baseImage } = await clusterInUse(signal)
    await buildImage(baseImage, () => undefined, signal)
    image = await readOciArchive(imageArchive)
    const lock = asObject(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')))
    packagesInLock = Object.fromEntries(
      Object.entries(asObject(lock['packages'])).map(([path, entry]) => [path, asObject(entry)]),
    )
  })

  /** The names of the packages whose licences go with the bundle. */
  async function bundled(): Promise<string[]> {
    const notices = await readFile(join(root, 'build/image/app/dist/LICENSES'), 'utf8')
    return notices.split('\n---\n\n').map((notice) => notice.slice(0, notice.indexOf('\n')))
  }

  /** Whether the operator needs a package when it runs in its image. */
  function needed(name: string): boolean {
    return Object.entries(packagesInLock).some(
      ([path, { dev = false, optional = false, devOptional = false }]) =>
        path.endsWith(`node_modules/${name}`) && dev !== true && optional !== true && devOptional !== true,
    )
  }

  it(`has less than ${mostBytes / 1e6} MB, compressed and with its base`, async () => {
    const { size } = await stat(imageArchive)
    console.log(`      ${(size / 1e6).toFixed(1)} MB`)
    expect(size).to.be.below(mostBytes)
    const page = await readFile(join(root, 'docs/install.md'), 'utf8')
    const documented = Number(/\((\d+) MB compressed/.exec(page)?.[1]) * 1e6
    expect(documented, 'the size in docs/install.md').to.be.within(size * 0.9, size * 1.1)
  })

  it('runs the program alone, without a shell, as a user that is not root', () => {
    const { User: user, Entrypoint: entrypoint, Cmd: more = null } = image.config
    const words = Array.isArray(entrypoint) ? entrypoint.map(String) : []
    expect([words[0], words.at(-1)]).to.deep.equal(['/usr/local/bin/node', '/app/dist/main.js'])
    expect(image.files).to.include.members(['usr/local/bin/node', 'app/dist/main.js', 'app/dist/runnerhub-worker.cjs'])
    expect({ user, more }).to.deep.equal({ user: '65532:65532', more: null })
  })

  it('has labels with its name, version and commit', async () => {
    const labels = asObject(image.config['Labels'])
    const name = (word: string) => `org.opencontainers.image.${word}`
    for (const word of ['title', 'description']) expect(labels[name(word)], word).to.be.a('string').and.not.equal('')
    expect(labels).to.include({
      [name('licenses')]: 'MIT',
      [name('version')]: asObject(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))['version'],
    })
    expect(labels[name('revision')]).to.match(/^[0-9a-f]{40}$/)
  })

  it('has its runtime packages in its bundle, with their licences, and no others', async () => {
    const packages = await bundled()
    expect(packages).to.include.members(['@aws-sdk/client-s3', 'koa', 'undici', 'ws'])
    expect(packages.filter((name) => !needed(name))).to.deep.equal([])
    expect(image.files).to.include('app/dist/LICENSES')
    expect(image.files.filter((path) => path.includes('node_modules'))).to.deep.equal([])
  })

  it('has a bill of materials that lists its packages, Node.js and the page of the API', async () => {
    expect(image.files).to.include('app/sbom.cdx.json')
    const bill = asObject(JSON.parse(await readFile(join(root, 'build/image/app/sbom.cdx.json'), 'utf8')))
    const listed = elementsOf(bill['components'])
      .map(asObject)
      .map(({ group, name, version }) => {
        return `${typeof group === 'string' ? `${group}/` : ''}${String(name)}@${String(version)}`
      })
    const expected = [...(await bundled()), 'swagger-ui-dist', `node-linux-${process.arch}`]
      .map((name) => ({ name, version: packagesInLock[`node_modules/${name}`]?.['version'] }))
      .filter(({ version }) => version !== undefined)
      .map(({ name, version }) => `${name}@${String(version)}`)
    expect(expected).to.have.length.above(50)
    expect(expected.filter((name) => !listed.includes(name))).to.deep.equal([])
  })

  it('has no source and nothing for compilers', () => {
    const ours = image.files.filter((path) => path.startsWith('app/'))
    expect(ours.length).to.be.above(10)
    expect(ours.filter((path) => /\.([cm]?ts|tsx|map)$/.test(path))).to.deep.equal([])
  })
})
