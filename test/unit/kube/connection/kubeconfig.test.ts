import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { NoKubeconfig } from '../../../../src/kube/connection/no-kubeconfig.ts'
import { readKubeconfig } from '../../../../src/kube/connection/kubeconfig.ts'

describe('a kubeconfig of several files', () => {
  let directory: string

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'runnerhub-kubeconfig-'))
    await write('one', { current: 'one', entries: { one: 'https://one', shared: 'https://shared-of-one' } })
    await write('two', { current: 'two', entries: { two: 'https://two', shared: 'https://shared-of-two' } })
    await write('none', { entries: {} })
  })
  after(() => rm(directory, { recursive: true, force: true }))

  /** Writes a kubeconfig with these servers, each with a context of the same name and the token `<file>-token`. */
  function write(file: string, { current, entries }: { current?: string; entries: Record<string, string> }) {
    const names = Object.keys(entries)
    const config = {
      ...(current !== undefined && { 'current-context': current }),
      clusters: names.map((name) => ({ name, cluster: { server: entries[name] } })),
      contexts: names.map((name) => ({ name, context: { cluster: name, user: name } })),
      users: names.map((name) => ({ name, user: { token: `${file}-token` } })),
    }
    return writeFile(join(directory, file), JSON.stringify(config))
  }

  const paths = (...files: string[]) => files.map((file) => (file === '' ? '' : join(directory, file))).join(':')

  async function outcome(files: string, context?: string) {
    const read = readKubeconfig(files, context)
    return [read.endpoint.server.hostname, (await read.credentials()).headers['authorization']]
  }

  it('uses the server of the first file', async () => {
    expect(await outcome(paths('one', 'two'))).to.deep.equal(['one', 'Bearer one-token'])
    expect(await outcome(paths('two', 'one'))).to.deep.equal(['two', 'Bearer two-token'])
    expect(await outcome(paths('none', 'two', 'one'))).to.deep.equal(['two', 'Bearer two-token'])
  })

  it('has the contexts of all files, the first of each name', async () => {
    expect(await outcome(paths('one', 'two'), 'two')).to.deep.equal(['two', 'Bearer two-token'])
    expect(await outcome(paths('two', 'one'), 'shared')).to.deep.equal(['shared-of-two', 'Bearer two-token'])
  })

  it('may name missing files, but not only missing ones', async () => {
    expect(await outcome(paths('missing', 'one', ''))).to.deep.equal(['one', 'Bearer one-token'])
    for (const missing of [paths('missing'), paths('missing', 'missing-too')]) {
      expect(() => readKubeconfig(missing, undefined)).to.throw(NoKubeconfig, 'cannot read the kubeconfig')
    }
  })
})
