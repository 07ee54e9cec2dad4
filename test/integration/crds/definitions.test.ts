import { expect } from 'chai'
import { kinds } from '../../../src/api/crd.ts'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { type CrdSite, openWithCrds } from '../../objects/crds.ts'

interface Definition extends KubeObject {
  spec: {
    names: Record<string, unknown>
    versions: { name: string; served: boolean; storage: boolean; subresources: object }[]
  }
  status: { conditions: { type: string; status: string; message: string }[]; storedVersions: string[] }
}

const customResourceDefinitions: Resource<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
}

describe('the definitions on the API server', () => {
  let site: CrdSite
  let definitions: Definition[]
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
    const names = kinds.map(({ resource }) => `${resource.plural}.${resource.group}`)
    const key = (name: string) => ({ namespace: '', name })
    const { client } = site.cluster
    const signal = AbortSignal.timeout(10_000)
    definitions = await Promise.all(names.map((name) => client.get(customResourceDefinitions, key(name), signal)))
  })
  after(() => site?.cluster.close())

  it('are established under the names they ask for, and structural', () => {
    expect(definitions).to.have.length(3)
    for (const { status } of definitions) {
      const conditions = Object.fromEntries(status.conditions.map(({ type, status: is }) => [type, is]))
      expect(conditions).to.deep.equal({ NamesAccepted: 'True', Established: 'True' })
    }
  })

  it('serve and store one version, with a status subresource', () => {
    for (const { spec, status } of definitions) {
      expect(spec.versions).to.have.length(1)
      expect(spec.versions[0]).to.deep.include({
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
      })
      expect(status.storedVersions).to.deep.equal(['v1'])
    }
  })

  it('are applied without a warning', async () => {
    const directory = new URL('../../../crds', import.meta.url).pathname
    const out = await site.kubectl(
      'apply',
      '--server-side',
      '--dry-run=server',
      '--force-conflicts',
      '--warnings-as-errors',
      '-f',
      directory,
    )
    expect(out.split('\n')).to.have.length(3)
  })
})
