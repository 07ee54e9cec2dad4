import { existsSync, readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { layers, type SourceFile, violations } from './layers.ts'

const src = join(import.meta.dirname, '../../../src')

const cases: [behaviour: string, path: string, text: string, isAllowed: boolean][] = [
  ['a layer below', 'domain/job/plan.ts', "import { keyOf } from '../../api/object.ts'", true],
  ['its own layer', 'domain/job/plan.ts', "import { isFinished } from '../pod/state.ts'", true],
  ['a layer above', 'api/object.ts', "import type { Plan } from '../domain/job/plan.ts'", false],
  [
    'a layer above, over several lines',
    'kube/cache/store.ts',
    "import {\n  Runner,\n} from '../../domain/runner/plan.ts'",
    false,
  ],
  ['a layer above, when it runs', 'kube/store.ts', "const app = await import('../../http/app.ts')", false],
  ['a layer above, for its effect', 'kube/store.ts', "import '../http/app.ts'", false],
  ['a layer above, passed on', 'kube/store.ts', "export { app } from '../http/app.ts'", false],
  ['the controllers from http', 'http/jobs/handlers.ts', "import { plan } from '../../controllers/run.ts'", false],
  ['the controllers from realtime', 'realtime/feed.ts', "import { plan } from '../controllers/runner.ts'", false],
  ['http from the controllers', 'controllers/runner.ts', "import { view } from '../http/jobs/views.ts'", false],
  ['realtime from the controllers', 'controllers/runner.ts', "import { feed } from '../realtime/feed.ts'", false],
  ['http from realtime', 'realtime/feed.ts', "import { app } from '../http/app.ts'", false],
  ['auth from realtime', 'realtime/admission.ts', "import { bearerOf } from '../auth/bearer.ts'", true],
  ['everything from main', 'main.ts', "import { runControllers } from './controllers/run.ts'", true],
  ['main from anywhere', 'http/app.ts', "import { stop } from '../main.ts'", false],
  ['the settings from a layer', 'http/app.ts', "import { readConfig } from '../config.ts'", false],
  ['I/O from the domain', 'domain/job/plan.ts', "import { readFile } from 'node:fs/promises'", false],
  ["another layer's package", 'kube/client/client.ts', "import Koa from 'koa'", false],
  ["its own layer's package", 'http/app.ts', "import Koa from 'koa'", true],
]

describe('imports', () => {
  it('point down only', async () => {
    const files: SourceFile[] = []
    for await (const path of glob('**/*.{ts,tsx}', { cwd: src })) {
      files.push({ path, text: readFileSync(join(src, path), 'utf8') })
    }
    expect(files).not.to.have.length(0)
    expect(violations(files)).to.deep.equal([])
  })

  it('are allowed only to existing layers', () => {
    expect(Object.keys(layers).filter((layer) => !existsSync(join(src, layer)))).to.deep.equal([])
  })

  it('are explained for each folder in the map of CONTRIBUTING.md', () => {
    const map = readFileSync(join(src, '../CONTRIBUTING.md'), 'utf8')
    const folders = Object.keys(layers).filter((layer) => !layer.endsWith('.ts'))
    expect(folders.filter((folder) => !map.includes(`\n| \`src/${folder}\` | `))).to.deep.equal([])
  })

  for (const [behaviour, path, text, isAllowed] of cases) {
    it(`${isAllowed ? 'may' : 'must not'} be of ${behaviour}`, () => {
      expect(violations([{ path, text }])).to.have.length(isAllowed ? 0 : 1)
    })
  }

  it('are judged for every folder', () => {
    expect(violations([{ path: 'utils/strings.ts', text: '' }])).to.deep.equal(['utils/strings.ts is in no layer'])
  })
})
