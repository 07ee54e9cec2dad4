import { join } from 'node:path'
import { expect } from 'chai'
import { billOfMaterials } from '../../../config/image/bill.ts'
import { bundledPackages } from '../../../config/image/bundled-packages.ts'
import { isJson, elementsOf } from '../../../src/api/json.ts'

const koa = { name: 'koa', version: '3.3.0', purl: 'pkg:npm/koa@3.3.0?vcs_url=git' }
const printed = { bomFormat: 'CycloneDX', specVersion: '1.6', components: [koa] }
const lock = {
  packages: {
    'node_modules/@scope/bundled': { version: '2.0.0', integrity: `sha512-${btoa('digest')}`, license: 'MIT' },
    'node_modules/koa': { version: '3.3.0' },
    'node_modules/bare': { version: '1.2.3' },
  },
}

describe("the image's bill of materials", () => {
  const bill = (names: readonly string[], from: unknown = printed): unknown =>
    JSON.parse(billOfMaterials(from, lock, names))

  it('has what the tool lists, and after it the packages that are bundled', () => {
    const made = bill(['@scope/bundled', 'bare', 'koa', 'bare'])
    expect(isJson(made) && elementsOf(made['components'])).to.deep.equal([
      koa,
      {
        'bom-ref': '@scope/bundled@2.0.0',
        type: 'library',
        name: '@scope/bundled',
        version: '2.0.0',
        scope: 'required',
        purl: 'pkg:npm/%40scope/bundled@2.0.0',
        hashes: [{ alg: 'SHA-512', content: Buffer.from('digest').toString('hex') }],
        licenses: [{ expression: 'MIT' }],
      },
      {
        'bom-ref': 'bare@1.2.3',
        type: 'library',
        name: 'bare',
        version: '1.2.3',
        scope: 'required',
        purl: 'pkg:npm/bare@1.2.3',
      },
    ])
  })

  it('is refused where the tool listed nothing, or a package is not in the lock file', () => {
    for (const nothing of [null, {}, { components: [] }]) {
      expect(() => bill([], nothing)).to.throw('no package is listed')
    }
    expect(() => bill(['gone'])).to.throw('package-lock.json has no gone')
  })

  it('lists what is bundled into the page and the plugin', async () => {
    const bundled = await bundledPackages(join(import.meta.dirname, '../../..'))
    expect(bundled).to.include.members(['preact', '@preact/signals', 'uplot', 'commander'])
    expect(bundled).to.not.include('koa')
  })
})
