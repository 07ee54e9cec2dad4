import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { noticesOf } from '../page/notices.ts'
import { billOfMaterials } from './bill.ts'
import { bundledPackages } from './bundled-packages.ts'
import { bundleProgram } from './program.ts'

/**
 * prepare.ts [FOLDER]: writes the image's content above its base: the operator, bundled with its packages and their
 * licences, the plugin of kubectl, and the Node.js that runs this. It is the stage `prepared` of the Dockerfile.
 */
const root = join(import.meta.dirname, '../..')
const folder = resolve(process.argv[2] ?? join(root, 'build/image'))
const app = join(folder, 'app')
const dist = join(app, 'dist')

// The image's user can read all files, and the image does not depend on the umask of this machine.
process.umask(0o022)
rmSync(folder, { recursive: true, force: true })
mkdirSync(app, { recursive: true })
const inputs = await bundleProgram(root, 'src/main.ts', dist)
writeFileSync(join(dist, 'LICENSES'), noticesOf(inputs, root))
copyPageAssets(join(dist, 'swagger-ui'))
run(process.execPath, join(root, 'config/page/build.ts'), join(dist, 'page-files'))
// For people who have the image and no clone.
run(join(root, 'config/plugin/build'), join(folder, 'kubectl-runnerhub'))
copy(join(root, 'src/agent/agent.sh'), join(dist, 'agent.sh'))
run(join(root, 'config/proxy/build'), join(dist, 'runnerhub-worker.cjs'))
copy(join(root, 'LICENSE'), join(app, 'LICENSE'))
await writeBill()
copy(join(root, 'package.json'), join(app, 'package.json'))
copy(realpathSync(process.execPath), join(folder, 'node'), 0o755)

/** The two files of Swagger UI that /docs serves, and their licence: the package itself is not part of the image. */
function copyPageAssets(target: string): void {
  mkdirSync(target)
  const source = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')))
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css', 'LICENSE']) copy(join(source, name), join(target, name))
}

async function writeBill(): Promise<void> {
  const options = [
    '--package-lock-only',
    '--omit',
    'dev',
    '--omit',
    'optional',
    '--output-reproducible',
    '--flatten-components',
  ]
  const printed = execFileSync('cyclonedx-npm', options, { cwd: root, encoding: 'utf8', maxBuffer: 64e6 })
  const included = ['swagger-ui-dist', ...pinnedNode(), ...(await bundledPackages(root))]
  const bill = billOfMaterials(JSON.parse(printed), JSON.parse(String(lock())), included)
  writeFileSync(join(app, 'sbom.cdx.json'), bill)
}

/** The package of the Node.js that runs this. There is none for some platforms: their Node.js is not npm's. */
function pinnedNode(): string[] {
  const name = `node-${process.platform}-${process.arch}`
  return lock().includes(`"node_modules/${name}"`) ? [name] : []
}

function lock(): Buffer {
  return readFileSync(join(root, 'package-lock.json'))
}

function copy(from: string, to: string, mode = 0o644): void {
  copyFileSync(from, to)
  chmodSync(to, mode)
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd: app, stdio: 'inherit' })
}
