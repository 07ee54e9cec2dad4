import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { adviceFor } from '../../../src/api/advice.ts'
import { runnerPoolSpec } from '../../../src/api/runner-pool.ts'
import { fieldsOf } from '../../../src/api/json.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const page = read('docs/github.md')

describe('docs/github.md', () => {
  it('leads to the words for each reason, and names only reasons that exist', () => {
    expect(page).to.include('](troubleshooting.md)')
    const section = page.slice(page.indexOf('## When something goes wrong'))
    const named = [...section.matchAll(/^\| `([A-Z][A-Za-z]+)` \|/gm)].map(([, reason = '']) => reason)
    expect(named).to.have.length.above(2)
    expect(named.filter((reason) => adviceFor(reason) === undefined)).to.deep.equal([])
  })

  it('has every setting that the program explains, and no other', () => {
    const inProgram = read('src/proxy/command.ts').match(/(?<=^ {2})RUNNERHUB_\w+/gm) ?? []
    const inPage = page.match(/(?<=^\| `)RUNNERHUB_\w+/gm) ?? []
    expect(inPage.length).to.be.above(8)
    expect(inPage.toSorted()).to.deep.equal(inProgram.toSorted())
  })
})

describe('the recipes for proxies and pods', () => {
  const pools = ['pool', 'pool-docker', 'pool-hooks'].map((name) => `config/proxy/${name}.yaml`)
  const recipes = ['config/proxy/proxy.Dockerfile', 'config/proxy/pod.Dockerfile']
  const imageOf = (path: string): string | undefined => /^ARG RUNNER_IMAGE=(\S+)$/m.exec(read(path))?.[1]

  it('stand on one version of the runner, which the pool has as well', () => {
    const [proxy = '', pod] = recipes.map(imageOf)
    expect(proxy).to.match(/^ghcr\.io\/actions\/actions-runner:\d+\.\d+\.\d+$/)
    expect(pod).to.equal(proxy)
    for (const pool of pools) expect(read(pool), pool).to.include(`image: ${proxy}\n`)
  })

  it('run nothing in a shell that nobody asked for', () => {
    const instructions = recipes.flatMap((path) => read(path).match(/^(RUN|CMD|ENTRYPOINT) .*$/gm) ?? [])
    expect(instructions).to.have.lengthOf(3)
    expect(instructions.filter((line) => !/^\w+ \["/.test(line))).to.deep.equal([])
  })

  it('configure a proxy that does not update itself, and keep its registration token from its jobs', () => {
    const command = /^CMD .*$/m.exec(read('config/proxy/proxy.Dockerfile'))?.[0] ?? ''
    expect(command).to.include('--disableupdate')
    expect(command.indexOf('unset RUNNER_TOKEN')).to.be.within(1, command.indexOf('exec ./run.sh'))
  })

  for (const pool of pools) {
    it(`have a pool that the definition takes: ${pool}`, () => {
      const [first] = parseAllDocuments(read(pool))
      const { kind, spec } = fieldsOf(first?.toJS())
      expect(kind).to.equal('RunnerPool')
      const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
      expect(ajv.validate(runnerPoolSpec, spec), ajv.errorsText()).to.equal(true)
      expect(
        Object.keys(fieldsOf(spec)).filter((name) => !Object.hasOwn(runnerPoolSpec.properties, name)),
      ).to.deep.equal([])
    })
  }
})
