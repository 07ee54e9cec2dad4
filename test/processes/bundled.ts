import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

const root = new URL('../../', import.meta.url).pathname

const running = new Map<string, Promise<string>>()

/** The operator as one file. */
export function operatorProgram(): Promise<string> {
  return bundled('src/main.ts')
}

/**
 * The path of a program as one file, with the files that the operator reads beside it. A process bundles each program
 * once: from the sources, which are hundreds of files, each start takes twice as long.
 */
export function bundled(entry: string): Promise<string> {
  const bundling = running.get(entry) ?? bundle(entry)
  running.set(entry, bundling)
  return bundling
}

/** Another process may start the same file at any time: each file is replaced as a whole. */
async function bundle(entry: string): Promise<string> {
  const folder = join(root, 'build/bundled', basename(entry, '.ts'))
  const program = join(folder, 'dist/main.js')
  await mkdir(join(folder, 'dist/page-files'), { recursive: true })
  const { outputFiles } = await build({
    entryPoints: [join(root, entry)],
    outfile: program,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    logLevel: 'warning',
    // Only a program outside the cluster needs it.
    external: ['@kubernetes/client-node'],
    // Some packages are CommonJS, and load the modules of Node.js by `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  const others: [from: string, to: string][] = [
    ['src/agent/agent.sh', 'dist/agent.sh'],
    ['package.json', 'package.json'],
  ]
  const temporary = `.${randomBytes(4).toString('hex')}`
  for (const { path, contents } of outputFiles) {
    await writeFile(path + temporary, contents)
    await rename(path + temporary, path)
  }
  for (const [from, to] of [...others, ...(await pageFiles())]) {
    const target = join(folder, to)
    await copyFile(join(root, from), target + temporary)
    await rename(target + temporary, target)
  }
  return program
}

/** The files of the page, if it was built; the one that names the others is last. */
async function pageFiles(): Promise<[from: string, to: string][]> {
  const names = await readdir(join(root, 'build/page')).catch((): string[] => [])
  const ordered = [...names.filter((name) => name !== 'page.json'), ...names.filter((name) => name === 'page.json')]
  return ordered.map((name) => [`build/page/${name}`, `dist/page-files/${name}`])
}
