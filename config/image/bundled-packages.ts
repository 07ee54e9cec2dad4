import { build } from 'esbuild'
import { packagesOf } from '../page/notices.ts'

/**
 * The packages that are bundled into the page, the plugin of kubectl and the program of the proxies, by name. The image
 * has their code in the bundles, although they are not installed there.
 */
export async function bundledPackages(root: string): Promise<string[]> {
  const page = await inputsOf(root, 'src/page/main.tsx', 'browser')
  const plugin = await inputsOf(root, 'src/plugin/main.ts', 'node')
  const proxy = await inputsOf(root, 'src/proxy/main.ts', 'node')
  return packagesOf([...page, ...plugin, ...proxy])
}

async function inputsOf(root: string, entry: string, platform: 'browser' | 'node'): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: 'build',
    bundle: true,
    write: false,
    platform,
    format: 'esm',
    ...(platform === 'browser' ? { tsconfig: 'src/page/tsconfig.json' } : {}),
    logLevel: 'error',
    metafile: true,
  })
  return Object.keys(metafile.inputs)
}
