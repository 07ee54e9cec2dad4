import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { trim } from './trim.ts'

/**
 * Writes the folder that the Dockerfile is built in: the compiled sources, the packages that they need to run, and
 * the pinned Node.js. The packages are installed anew only when the lock file has changed.
 */
const root = join(import.meta.dirname, '../..')
const context = join(root, 'build/image')
const app = join(context, 'app')
const installedLock = join(root, 'build/image-packages.lock')

mkdirSync(app, { recursive: true })
compile()
if (!hasPackages()) installPackages()
copyFileSync(join(root, 'LICENSE'), join(app, 'LICENSE'))
copyFileSync(join(root, 'package.json'), join(app, 'package.json'))
copyFileSync(join(root, 'Dockerfile'), join(context, 'Dockerfile'))
copyFileSync(realpathSync(process.execPath), join(context, 'node'))

function compile(): void {
  rmSync(join(app, 'dist'), { recursive: true, force: true })
  run('tsc', '--project', join(root, 'config/tsconfig.build.json'))
}

function hasPackages(): boolean {
  return existsSync(installedLock) && readFileSync(installedLock).equals(lock())
}

function installPackages(): void {
  rmSync(installedLock, { force: true })
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) copyFileSync(join(root, file), join(app, file))
  run('npm', 'ci', '--omit=dev', '--omit=optional', '--ignore-scripts', '--prefer-offline')
  for (const file of ['package-lock.json', '.npmrc']) rmSync(join(app, file))
  trim(join(app, 'node_modules'))
  writeFileSync(installedLock, lock())
}

function lock(): Buffer {
  return readFileSync(join(root, 'package-lock.json'))
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd: app, stdio: 'inherit' })
}
