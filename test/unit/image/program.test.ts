import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { bundleProgram } from '../../../config/image/program.ts'

describe('a bundled program', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bundled-program-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('imports node:http without the undici that is built into Node.js, and finds every export', async function () {
    this.timeout('20s')
    await writeFile(
      join(folder, 'entry.ts'),
      `import http from 'http'
       import { createServer } from 'node:http'
       import * as all from 'node:http'
       const loaded = process.moduleLoadList.filter((name) => name.includes('undici'))
       const same = createServer === http.createServer && all.Agent === http.Agent
       console.log(JSON.stringify({ loaded, same, kind: typeof createServer }))`,
    )
    await bundleProgram(folder, 'entry.ts', join(folder, 'dist'))
    const output = execFileSync(process.execPath, [join(folder, 'dist/main.js')], { encoding: 'utf8' })
    expect(JSON.parse(output)).to.deep.equal({ loaded: [], same: true, kind: 'function' })
  })
})
