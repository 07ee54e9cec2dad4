import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { atRoot } from '../base-path.ts'
import type { FacadeDeps, Handlers } from '../context.ts'
import { notFound } from '../http-error.ts'
import { type Content, contentOf, ownOriginPolicy, sendContent, textContent } from '../static-content.ts'
import { Kept } from './kept.ts'

/** The page below a base path. */
const pageAt = (base: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>RunnerHub API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/docs/swagger-ui.css">
<div id="page"></div>
<script src="${base}/docs/swagger-ui-bundle.js"></script>
<script src="${base}/docs/page.js"></script>
</html>
`

/** Resolves the document relative to the script's own URL, so it works behind any proxy prefix. */
const script = `const url = new URL('../openapi.json', document.currentScript.src).href
SwaggerUIBundle({ url, dom_id: '#page', validatorUrl: 'none', deepLinking: true })
`

const policy = ownOriginPolicy.join('; ')

const HOUR = 'public, max-age=3600'

interface File {
  type: string
  read: () => Promise<Buffer>
}

/** All served files; the rest of the package is not in the image. */
const files: ReadonlyMap<string, File> = new Map([
  ['swagger-ui-bundle.js', { type: 'text/javascript', read: () => readAsset('swagger-ui-bundle.js') }],
  ['swagger-ui.css', { type: 'text/css', read: () => readAsset('swagger-ui.css') }],
  ['page.js', { type: 'text/javascript', read: async () => Buffer.from(script) }],
  // For proxy runners. It is no secret, and is here so that its version is the hub's.
  ['runnerhub-worker.cjs', { type: 'text/javascript', read: readWorker }],
])

/** The image has the program (config/image/prepare.ts); a checkout has it once `make runnerhub-worker` has built it. */
function readWorker(): Promise<Buffer> {
  return readFile(new URL('runnerhub-worker.cjs', import.meta.url)).catch(() =>
    readFile(new URL('../../../build/runnerhub-worker.cjs', import.meta.url)).catch(() => {
      throw notFound('file')
    }),
  )
}

/** The image has the two files beside this one (config/image/prepare.ts); a checkout has them in their package. */
function readAsset(name: string): Promise<Buffer> {
  return readFile(new URL(`swagger-ui/${name}`, import.meta.url)).catch(() =>
    readFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`))),
  )
}

/** The page that shows the OpenAPI document. It needs no token; the requests that it sends do. */
export function docsPageHandlers({
  basePathOf = atRoot,
}: Pick<FacadeDeps, 'basePathOf'>): Handlers<'docsPage' | 'docsFile'> {
  const contents = new Kept<Content>()

  return {
    docsPage: async (ctx) => {
      ctx.set('Content-Security-Policy', policy)
      ctx.vary('X-Forwarded-Prefix')
      sendContent(ctx, textContent('text/html', pageAt(basePathOf(ctx))), HOUR)
    },
    docsFile: async (ctx) => {
      const name = ctx.params['file'] ?? ''
      const file = files.get(name)
      if (file === undefined) throw notFound('file')
      const content = await contents.get(name, async () => contentOf(file.type, await file.read()))
      sendContent(ctx, content, HOUR)
    },
  }
}
