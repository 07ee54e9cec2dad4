// build.ts [FOLDER]: bundles the page into files with the hash of their content in their names, prints their sizes, and
// fails if the page is larger than its budget.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { noticesOf } from './notices.ts'

const root = join(import.meta.dirname, '../..')
const folder = resolve(process.argv[2] ?? join(root, 'build/page'))

/** Most bytes of the page, compressed as it is sent. */
const BUDGET = 150_000

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: 'src/page/main.tsx', out: 'page' },
    { in: 'src/page/style.css', out: 'page' },
  ],
  outdir: folder,
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
  tsconfig: 'src/page/tsconfig.json',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
})
const built = Object.keys(metafile.outputs).map((path) => basename(path))
const named = (ending: string): string | undefined => built.find((name) => name.endsWith(ending))
writeFileSync(join(folder, 'page.json'), JSON.stringify({ script: named('.js'), style: named('.css') }))
writeFileSync(join(folder, 'LICENSES'), noticesOf(Object.keys(metafile.inputs), root))

const sizes = Object.keys(metafile.outputs).map((path) => {
  const bytes = readFileSync(join(root, path))
  return { name: basename(path), bytes: bytes.length, sent: gzipSync(bytes).length }
})
for (const { name, bytes, sent } of sizes) print(`${name}: ${kilobytes(bytes)}, compressed ${kilobytes(sent)}`)
const all = sizes.reduce((sum, { sent }) => sum + sent, 0)
print(`the page: ${kilobytes(all)} of at most ${kilobytes(BUDGET)}, compressed`)
if (all > BUDGET) {
  process.stderr.write('the page is larger than its budget\n')
  process.exitCode = 1
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
