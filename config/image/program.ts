import { randomBytes } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

/**
 * Bundles a program of Node.js into FOLDER/main.js, and what it imports later into files beside it: from its hundreds of
 * modules, each start takes twice the CPU. Names and lines stay readable in stack traces. Each file is replaced as a
 * whole, since another process may start the program at any time.
 *
 * @param entry the path of its first module, from the root
 * @returns the paths of the modules that it contains, from the root
 */
export async function bundleProgram(root: string, entry: string, folder: string): Promise<string[]> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: entry },
    outdir: folder,
    bundle: true,
    splitting: true,
    write: false,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    // Only a program outside the cluster needs the first; `debug` uses the second where it is installed.
    external: ['@kubernetes/client-node', 'supports-color'],
    // Some packages are CommonJS, and load the modules of Node.js by `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  await mkdir(folder, { recursive: true })
  const isMain = (path: string): boolean => basename(path) === 'main.js'
  // The one that imports the others is last.
  outputFiles.sort((a, b) => Number(isMain(a.path)) - Number(isMain(b.path)))
  for (const { path, contents } of outputFiles) {
    const temporary = join(folder, `.${randomBytes(4).toString('hex')}`)
    await writeFile(temporary, contents)
    await rename(temporary, path)
  }
  return Object.keys(metafile.inputs)
}
