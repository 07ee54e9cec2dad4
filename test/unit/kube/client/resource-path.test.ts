import { expect } from 'chai'
import { describeRequest, resourcePath, splitKey } from '../../../../src/kube/client/resource-path.ts'
import { configMaps } from '../../../objects/config-maps.ts'

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' }
const nodes = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' }

describe('resource path', () => {
  it('addresses collections, objects and subresources, of the core group and of others', () => {
    expect(resourcePath(configMaps, 'ns')).to.equal('/api/v1/namespaces/ns/configmaps')
    expect(resourcePath(configMaps, undefined)).to.equal('/api/v1/configmaps')
    expect(resourcePath(leases, 'ns', 'a')).to.equal('/apis/coordination.k8s.io/v1/namespaces/ns/leases/a')
    expect(resourcePath(nodes, '', 'n1', 'status')).to.equal('/api/v1/nodes/n1/status')
  })

  it('encodes names, and rejects a name that is not a path segment', () => {
    for (const name of ['', '.', '..']) expect(() => resourcePath(configMaps, 'ns', name)).to.throw(TypeError)
    expect(resourcePath(configMaps, 'ns', '../../nodes?x#y')).to.equal(
      '/api/v1/namespaces/ns/configmaps/..%2F..%2Fnodes%3Fx%23y',
    )
  })

  it('splits a key at its first slash', () => {
    expect(splitKey('ns/name')).to.deep.equal({ namespace: 'ns', name: 'name' })
    expect(splitKey('/name')).to.deep.equal({ namespace: '', name: 'name' })
  })

  const described: [method: string, path: string, watch: boolean, as: string][] = [
    ['GET', resourcePath(configMaps, 'ns'), false, 'list configmaps'],
    ['GET', resourcePath(configMaps, 'ns'), true, 'watch configmaps'],
    ['GET', resourcePath(leases, 'ns', 'a'), false, 'get leases'],
    ['POST', resourcePath(configMaps, 'ns'), false, 'create configmaps'],
    ['PUT', resourcePath(configMaps, 'ns', 'a', 'status'), false, 'update configmaps/status'],
    ['PATCH', resourcePath(nodes, undefined, 'n'), false, 'patch nodes'],
    ['DELETE', '/api/v1/namespaces/ns', false, 'delete namespaces'],
    ['GET', '/api/v1/namespaces', false, 'list namespaces'],
    ['GET', '/readyz', false, 'get '],
  ]
  for (const [method, path, watch, as] of described) {
    it(`counts ${method} ${path}${watch ? '?watch' : ''} as ${as.trim()}, without names`, () => {
      const { verb, resource } = describeRequest(method, path, watch)
      expect(`${verb} ${resource}`).to.equal(as)
    })
  }
})
