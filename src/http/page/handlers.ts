import { atRoot } from '../base-path.ts'
import type { FacadeContext, FacadeDeps, Handlers } from '../context.ts'
import { notFound } from '../http-error.ts'
import { ownOriginPolicy, sendContent, textContent } from '../static-content.ts'
import { type Bundle, PageFiles } from './files.ts'

/** No text becomes markup either. */
const policy = [...ownOriginPolicy, "require-trusted-types-for 'script'", "trusted-types 'none'"].join('; ')

/** The name of a file has the hash of its content: it never changes. */
const FOREVER = 'public, max-age=31536000, immutable'

/**
 * The page at `/`, for callers that ask for HTML by name: the API has no such path, and other callers get the same 404 as
 * for every unknown one. It needs no token; what it shows does.
 */
export function pageHandlers(deps: Pick<FacadeDeps, 'basePathOf' | 'hasPage'>): Handlers<'page' | 'pageFile'> {
  const { basePathOf = atRoot, hasPage = true } = deps
  const files = new PageFiles()
  return {
    page: async (ctx) => {
      ctx.vary('Accept')
      const bundle = hasPage && asksForHtml(ctx) ? await files.bundle() : undefined
      if (bundle === undefined) throw notFound('path')
      ctx.set('Content-Security-Policy', policy)
      ctx.vary('X-Forwarded-Prefix')
      sendContent(ctx, textContent('text/html', pageAt(basePathOf(ctx), bundle)), 'no-cache')
    },
    pageFile: async (ctx) => {
      const bundle = hasPage ? await files.bundle() : undefined
      const content = bundle?.contents.get(ctx.params['file'] ?? '')
      if (content === undefined) throw notFound('file')
      sendContent(ctx, content, FOREVER)
    },
  }
}

/** Programs accept anything; only browsers name HTML. */
function asksForHtml(ctx: FacadeContext): boolean {
  return /(^|[,\s])text\/html\b/i.test(ctx.get('Accept'))
}

function pageAt(base: string, { script, style }: Bundle): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>RunnerHub</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/page/${style}">
<script type="module" src="${base}/page/${script}"></script>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The API is described at ${base}/docs.</noscript>
</html>
`
}
