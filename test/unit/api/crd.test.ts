import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parse } from 'yaml'
import { crdOf, kinds } from '../../../src/api/crd.ts'
import { placesIn } from '../../objects/crds.ts'

const directory = new URL('../../../crds/', import.meta.url)

describe('the files in crds/', () => {
  it('contain one definition for each kind', () => {
    expect(readdirSync(directory).toSorted()).to.deep.equal(
      kinds.map(({ resource }) => `${resource.plural}.yaml`).toSorted(),
    )
  })

  for (const kind of kinds) {
    it(`match src/api for ${kind.resource.kind} (make generate)`, () => {
      const text = readFileSync(new URL(`${kind.resource.plural}.yaml`, directory), 'utf8')
      expect(parse(text)).to.deep.equal(JSON.parse(JSON.stringify(crdOf(kind))))
    })
  }

  it('total less than 60 KB: every API server and its clients load them', () => {
    const bytes = readdirSync(directory).reduce((sum, file) => sum + readFileSync(new URL(file, directory)).length, 0)
    expect(bytes).to.be.below(60_000)
  })
})

describe('the schema', () => {
  for (const { resource, spec, status, columns } of kinds) {
    it(`of ${resource.kind} describes every field at every level`, () => {
      const fields = [spec, status].flatMap((schema) => placesIn(schema))
      const silent = fields
        .filter(({ schema }) => (schema.description ?? '').length < 5)
        .map(({ path }) => path.join('.'))
      expect([spec.description, status.description].filter((text) => text === undefined)).to.deep.equal([])
      expect(silent).to.deep.equal([])
    })

    it(`of ${resource.kind} bounds every string and every list, so that no object can grow without limit`, () => {
      const fields = [spec, status].flatMap((schema) => placesIn(schema))
      const unbounded = fields.filter(({ schema: { type, maxLength, maxItems, enum: words, pattern = '' } }) => {
        // A pattern that ends in {6,64} is a bound itself.
        if (type === 'string') return maxLength === undefined && words === undefined && !/\{\d+,\d+\}\$$/.test(pattern)
        return type === 'array' && maxItems === undefined
      })
      expect(unbounded.map(({ path }) => path.join('.'))).to.deep.equal([])
    })

    it(`of ${resource.kind} has the fields that its columns show`, () => {
      const known = new Set(
        [...placesIn(spec, ['spec']), ...placesIn(status, ['status'])].map(({ path }) => `.${path.join('.')}`),
      )
      const shown = columns.map(({ jsonPath }) => jsonPath).filter((path) => !/^\.metadata|\[/.test(path))
      expect(shown.filter((path) => !known.has(path))).to.deep.equal([])
    })
  }
})
