import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asObject } from '../../src/kube/client/parse.ts'
import { copyPage } from '../processes/bundled.ts'

const root = join(import.meta.dirname, '../..')

/** Builds the page where operators of tests find it. Call it before one starts. Returns the name of its script. */
export async function buildPage(): Promise<string> {
  execFileSync(process.execPath, ['config/page/build.ts'], { cwd: root })
  await copyPage()
  const names = asObject(JSON.parse(readFileSync(join(root, 'build/page/page.json'), 'utf8')))
  return String(names['script'])
}
