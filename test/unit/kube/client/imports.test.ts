import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import { command } from '../../../processes/command.ts'

const root = new URL('../../../../', import.meta.url)

/** The packages that a program loads. */
async function packagesOf(program: string): Promise<string[]> {
  const watching = `
    import { registerHooks } from 'node:module'
    const packages = new Set()
    registerHooks({ resolve: (name, context, next) => {
      const found = next(name, context)
      const package_ = /node_modules\\/((@[^/]+\\/)?[^/]+)\\//.exec(found.url)
      if (package_) packages.add(package_[1])
      return found
    } })
    ${program}
    console.log(JSON.stringify([...packages]))
    process.exit()`
  const printed: unknown = JSON.parse(await command(process.execPath, '--input-type=module', '--eval', watching))
  return Array.isArray(printed) ? printed.map(String) : []
}

const file = (name: string): string => JSON.stringify(new URL(`src/kube/${name}`, root).href)

describe('imports of the client layer', () => {
  it('are undici only in a pod: the library that reads kubeconfigs costs 90 MB', async () => {
    const packages = await packagesOf(`
      const { inCluster } = await import(${file('connection/in-cluster.ts')})
      await import(${file('client/client.ts')})
      await import(${file('cache/reflector.ts')})
      inCluster()`)
    expect(packages).to.deep.equal(['undici'])
  })

  it('include that library for a kubeconfig', async () => {
    const packages = await packagesOf(`
      const { fromKubeconfig } = await import(${file('connection/from-kubeconfig.ts')})
      await fromKubeconfig('/nowhere').catch(() => {})`)
    expect(packages).to.include('@kubernetes/client-node')
  })

  it('fail with a clear message for a kubeconfig where that library is missing, as in the image', async () => {
    const without = `import { registerHooks } from 'node:module'
      registerHooks({ resolve(name, context, next) {
        if (name !== '@kubernetes/client-node') return next(name, context)
        throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
      } })`
    const program = `
      const { fromKubeconfig } = await import(${file('connection/from-kubeconfig.ts')})
      console.log(await fromKubeconfig('/nowhere').catch(String))`
    const hooks = `data:text/javascript,${encodeURIComponent(without)}`
    const output = await command(process.execPath, '--import', hooks, '--input-type=module', '--eval', program)
    expect(output).to.include('cannot use a kubeconfig').and.include('not part of the image')
  })

  it('resolve to one copy of undici: a dispatcher of one copy does not work with another', () => {
    const ours = createRequire(new URL('src/kube/client/client.ts', root)).resolve('undici')
    const theirs = createRequire(
      realpathSync(new URL('node_modules/@kubernetes/client-node/package.json', root)),
    ).resolve('undici')
    expect(theirs).to.equal(ours)
  })
})
