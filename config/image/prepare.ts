import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { billOfMaterials } from './bill.ts'
import { bundledPackages } from './bundled-packages.ts'
import { trim } from './trim.ts'

/**
 * prepare.ts [FOLDER]: writes the image's content above its base: the compiled sources, their runtime packages, the
 * plugin of kubectl, and the Node.js that runs this. It is the stage `prepared` of the Dockerfile. The packages are installed again only if the
 * lock file has changed.
 */
const root = join(import.meta.dirname, '../..')
const folder = resolve(process.argv[2] ?? join(root, 'build/image'))
const app = join(folder, 'app')
/** The lock file of the installed packages. */
const installedLock = join(folder, 'package-lock.json')

// The image's user can read all files, and the image does not depend on the umask of this machine.
process.umask(0o022)
mkdirSync(app, { recursive: true })
compile()
if (!hasPackages()) installPackages()
// For people who have the image and no clone.
run(join(root, 'config/plugin/build'), join(folder, 'kubectl-runnerhub'))
copy(join(root, 'src/agent/agent.sh'), join(app, 'dist/agent/agent.sh'))
run(join(root, 'config/proxy/build'), join(app, 'dist/runnerhub-worker.cjs'))
copy(join(root, 'LICENSE'), join(app, 'LICENSE'))
await writeBill()
copy(join(root, 'package.json'), join(app, 'package.json'))
copy(realpathSync(process.execPath), join(folder, 'node'), 0o755)

function compile(): void {
  const output = join(app, 'dist')
  rmSync(output, { recursive: true, force: true })
  run('tsc', '--project', join(root, 'config/tsconfig.build.json'), '--outDir', output)
  copyPageAssets(join(output, 'http/openapi/swagger-ui'))
  run(process.execPath, join(root, 'config/page/build.ts'), join(output, 'http/page/page-files'))
}

/** The two files of Swagger UI that /docs serves, and their licence: the package itself is not part of the image. */
function copyPageAssets(target: string): void {
  mkdirSync(target)
  const source = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')))
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css', 'LICENSE']) copy(join(source, name), join(target, name))
}

function hasPackages(): boolean {
  return existsSync(installedLock) && readFileSync(installedLock).equals(lock())
}

function installPackages(): void {
  rmSync(installedLock, { force: true })
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) copy(join(root, file), join(app, file))
  run('npm', 'ci', '--omit=dev', '--omit=optional', '--ignore-scripts', '--prefer-offline')
  for (const file of ['package-lock.json', '.npmrc']) rmSync(join(app, file))
  trim(join(app, 'node_modules'))
  writeFileSync(installedLock, lock())
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
