import { randomBytes } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build, type Plugin } from 'esbuild'

/**
 * Imports of `node:http` become calls of `require`. An import of ESM reads every export of a module once, and that of
 * `WebSocket` loads the undici that is built into Node.js, which no bundled program uses: 2 MB of memory, and more than a
 * tenth of the CPU of a start.
 */
const httpByRequire: Plugin = {
  name: 'http-by-require',
  setup(bundling) {
    bundling.onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'node:http', namespace: 'by-require' } : undefined,
    )
    bundling.onLoad({ filter: /^/, namespace: 'by-require' }, ({ path }) => ({
      contents: `module.exports = require('${path}')`,
    }))
  },
}

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
    plugins: [httpByRequire],
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
