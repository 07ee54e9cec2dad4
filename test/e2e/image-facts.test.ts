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

  before(async function () {
    if ((await command(localTool('build-image'), '--builder')) !== 'buildah') this.skip()
    const signal = AbortSignal.timeout(180_000)
    const { baseImage } = await clusterInUse(signal)
    await buildImage(baseImage, () => undefined, signal)
    image = await readOciArchive(imageArchive)
  })

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

  it('has its runtime packages, and no others', async () => {
    const inImage = image.files.flatMap((path) => /^app\/(node_modules\/.+)\/package\.json$/.exec(path)?.[1] ?? [])
    const lock = asObject(asObject(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')))['packages'])
    const needed = Object.keys(lock).filter((path) => {
      const { dev = false, optional = false, devOptional = false } = asObject(lock[path])
      return path !== '' && dev !== true && optional !== true && devOptional !== true
    })
    expect(needed).to.include('node_modules/koa').and.not.include('node_modules/@kubernetes/client-node')
    // Parts of a package may have their own package.json, and @scarf only reports installations.
    const packages = inImage.filter((path) => lock[path] !== undefined)
    expect(packages.sort()).to.deep.equal(needed.filter((path) => !path.includes('@scarf/')).sort())
    expect(image.files.filter((path) => path.includes('@kubernetes'))).to.deep.equal([])
  })

  it('has a bill of materials that lists its packages, Node.js and the page of the API', async () => {
    expect(image.files).to.include('app/sbom.cdx.json')
    const bill = asObject(JSON.parse(await readFile(join(root, 'build/image/app/sbom.cdx.json'), 'utf8')))
    const listed = elementsOf(bill['components'])
      .map(asObject)
      .map(({ group, name, version }) => {
        return `${typeof group === 'string' ? `${group}/` : ''}${String(name)}@${String(version)}`
      })
    const lock = asObject(asObject(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')))['packages'])
    const inImage = image.files.flatMap((path) => /^app\/(node_modules\/.+)\/package\.json$/.exec(path)?.[1] ?? [])
    const expected = [...inImage, 'node_modules/swagger-ui-dist', `node_modules/node-linux-${process.arch}`]
      .filter((path) => lock[path] !== undefined)
      .map((path) => `${path.replace(/^.*node_modules\//, '')}@${String(asObject(lock[path])['version'])}`)
    expect(expected).to.have.length.above(50)
    expect(expected.filter((name) => !listed.includes(name))).to.deep.equal([])
  })

  it('has no source and nothing for compilers', () => {
    const ours = image.files.filter((path) => path.startsWith('app/'))
    expect(ours.length).to.be.above(100)
    expect(ours.filter((path) => /\.([cm]?ts|tsx|map)$/.test(path))).to.deep.equal([])
  })
})
