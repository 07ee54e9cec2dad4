import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import { command } from '../../../processes/command.ts'

const root = new URL('../../../../', import.meta.url)

/** Which packages a program loads. */
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

describe('what this layer loads', () => {
  it('in a pod is undici and nothing else: the large library that reads kubeconfigs costs 90 MB', async () => {
    const packages = await packagesOf(`
      const { inCluster } = await import(${file('connection/connection.ts')})
      await import(${file('client/client.ts')})
      await import(${file('cache/reflector.ts')})
      inCluster()`)
    expect(packages).to.deep.equal(['undici'])
  })

  it('for a kubeconfig is that library', async () => {
    const packages = await packagesOf(`
      const { fromKubeconfig } = await import(${file('connection/connection.ts')})
      await fromKubeconfig('/nowhere').catch(() => {})`)
    expect(packages).to.include('@kubernetes/client-node')
  })

  it('says that a kubeconfig cannot be used where that library is left out, as in the image', async () => {
    const without = `import { registerHooks } from 'node:module'
      registerHooks({ resolve(name, context, next) {
        if (name !== '@kubernetes/client-node') return next(name, context)
        throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
      } })`
    const program = `
      const { fromKubeconfig } = await import(${file('connection/connection.ts')})
      console.log(await fromKubeconfig('/nowhere').catch(String))`
    const hooks = `data:text/javascript,${encodeURIComponent(without)}`
    const said = await command(process.execPath, '--import', hooks, '--input-type=module', '--eval', program)
    expect(said).to.include('a kubeconfig cannot be used here').and.include('not part of the image')
  })

  it('has one undici, whoever asks for it: a dispatcher of one copy does not serve another', () => {
    const ours = createRequire(new URL('src/kube/client/client.ts', root)).resolve('undici')
    const theirs = createRequire(
      realpathSync(new URL('node_modules/@kubernetes/client-node/package.json', root)),
    ).resolve('undici')
    expect(theirs).to.equal(ours)
  })
})
