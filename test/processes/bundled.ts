import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, stop } from 'esbuild'

const root = new URL('../../', import.meta.url).pathname
const folder = join(root, 'build/operator')

let bundled: Promise<string> | undefined

/**
 * The path of the operator as one file, with the files that it reads beside it. It is bundled once in a process: from
 * the sources, which are hundreds of files, each start takes three times as long.
 */
export function operatorProgram(): Promise<string> {
  return (bundled ??= bundle())
}

/** Another process may start the same file at any time: each file is replaced as a whole. */
async function bundle(): Promise<string> {
  await mkdir(join(folder, 'dist'), { recursive: true })
  const program = join(folder, 'dist/main.js')
  const { outputFiles } = await build({
    entryPoints: [join(root, 'src/main.ts')],
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
  await stop()
  const others: [from: string, to: string][] = [
    ['src/agent/agent.sh', 'dist/agent.sh'],
    ['package.json', 'package.json'],
  ]
  const temporary = `.${randomBytes(4).toString('hex')}`
  for (const { path, contents } of outputFiles) {
    await writeFile(path + temporary, contents)
    await rename(path + temporary, path)
  }
  for (const [from, to] of others) {
    const target = join(folder, to)
    await copyFile(join(root, from), target + temporary)
    await rename(target + temporary, target)
  }
  return program
}
