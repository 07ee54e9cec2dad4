import { dirname, posix } from 'node:path'

/** A folder of `src`, or a file beside the folders. */
export interface Layer {
  /** The layers and single files that it may import; '*' is all. */
  imports: string[]
  /** The packages and Node.js modules that it may import; 'node:*' is all of Node.js's. */
  packages: string[]
}

export interface SourceFile {
  /** Relative to `src`. */
  path: string
  text: string
}

/**
 * Imports point down. A layer without I/O lists the few Node.js modules that it may use; `http` and `realtime` never
 * import `controllers`: they cooperate only through the cluster.
 */
export const layers: Record<string, Layer> = {
  api: { imports: [], packages: ['node:crypto'] },
  collections: { imports: [], packages: [] },
  domain: { imports: ['api', 'collections'], packages: ['node:crypto', 'node:util', 're2js'] },
  kube: { imports: ['api', 'collections'], packages: ['node:*', '@kubernetes/client-node', 'undici'] },
  cluster: { imports: ['api', 'collections', 'domain', 'kube'], packages: ['node:stream'] },
  archive: {
    imports: ['api', 'collections', 'domain', 'kube', 'cluster'],
    packages: ['node:*', '@aws-sdk/client-s3'],
  },
  metrics: { imports: ['api', 'collections', 'domain', 'kube', 'cluster'], packages: ['prom-client'] },
  controllers: {
    imports: ['api', 'collections', 'domain', 'kube', 'cluster', 'archive', 'metrics'],
    packages: ['node:crypto', 'node:util'],
  },
  auth: {
    imports: ['api', 'collections', 'kube', 'cluster'],
    packages: ['node:*', 'ipaddr.js'],
  },
  http: {
    imports: ['api', 'collections', 'domain', 'kube', 'cluster', 'archive', 'metrics', 'auth'],
    packages: ['node:*', 'koa', '@koa/router', 'ajv'],
  },
  realtime: {
    imports: ['api', 'collections', 'domain', 'kube', 'cluster', 'auth'],
    packages: ['node:*', 'ws', 'socket.io'],
  },
  tasks: { imports: ['api', 'kube', 'config.ts'], packages: ['node:*'] },
  agent: { imports: [], packages: ['node:fs'] },
  // One small file on the machines of proxy runners: of kube only its clock and its back-off.
  proxy: { imports: ['api', 'client', 'kube'], packages: ['node:*', 'ws'] },
  // It also runs in browsers.
  client: { imports: [], packages: [] },
  page: {
    imports: ['client', 'api', 'domain', 'kube'],
    packages: ['preact', 'preact/compat', 'preact/hooks', '@preact/signals', 'uplot', 'anser'],
  },
  // A program for the machines of people. It needs no facade, so it imports nothing of it.
  plugin: {
    imports: ['api', 'domain', 'kube', 'archive'],
    packages: ['node:*', '@commander-js/extra-typings', 'string-width', 'yaml'],
  },
  'config.ts': { imports: ['api', 'domain'], packages: ['node:*'] },
  'log.ts': { imports: [], packages: ['pino'] },
  'version.ts': { imports: [], packages: ['node:fs'] },
  'print-crds.ts': { imports: ['api'], packages: ['node:*', 'yaml'] },
  'main.ts': { imports: ['*'], packages: ['node:*'] },
}

/** Every import that the table does not allow, as `file imports what`. */
export function violations(files: SourceFile[], table: Record<string, Layer> = layers): string[] {
  return files.flatMap(({ path, text }) => {
    const layer = layerOf(path)
    const allowed = table[layer]
    if (allowed === undefined) return [`${path} is in no layer`]
    return importsOf(text)
      .filter((specifier) => !isAllowed(path, specifier, allowed))
      .map((specifier) => `${path} imports ${specifier}`)
  })
}

function isAllowed(path: string, specifier: string, { imports, packages }: Layer): boolean {
  if (!specifier.startsWith('.')) {
    return packages.includes(specifier) || (packages.includes('node:*') && specifier.startsWith('node:'))
  }
  const target = posix.join(dirname(path), specifier)
  const isOwn = layerOf(target) === layerOf(path)
  return isOwn || imports.includes(layerOf(target)) || imports.includes('*')
}

/** The first folder of a path, or the file itself if it is in none. */
function layerOf(path: string): string {
  return path.split('/')[0] ?? path
}

/** The imports of a source: `from 'x'`, `import 'x'`, `import('x')`, and types alike. */
function importsOf(text: string): string[] {
  const specifiers = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g)
  return [...specifiers].map(([, specifier = '']) => specifier)
}
