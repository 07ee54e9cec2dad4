import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { asObject } from '../../src/kube/client/parse.ts'

const source = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

/** The findings of axe-core on what is shown that are serious or worse, as `rule: elements`. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // In a world of its own: the page's policy forbids scripts from elsewhere, and keeps doing so.
  const session = await page.context().newCDPSession(page)
  const { frameTree } = await session.send('Page.getFrameTree')
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id })
  const run = async (expression: string): Promise<unknown> => {
    const options = { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', options)
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return result.value
  }
  await run(`${source}\n;0`)
  const violations = await run('axe.run().then(({ violations }) => violations)')
  await session.detach()
  return (Array.isArray(violations) ? violations.map(asObject) : [])
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${String(id)}: ${targetsOf(nodes)}`)
}

function targetsOf(nodes: unknown): string {
  const all = Array.isArray(nodes) ? nodes.map(asObject) : []
  return all.map(({ target, failureSummary }) => `${String(target)} (${String(failureSummary)})`).join('; ')
}
