import { Validator } from '@seriousme/openapi-schema-validator'
import { expect } from 'chai'
import { openApiDocument } from '../../../../src/http/openapi/document.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { routesOf } from '../../../documents/routes.ts'

const document = openApiDocument('1.2.3')

/** `GET /api/jobs/:id`, from the document. */
function describedRoutes(): string[] {
  return Object.entries(asObject(document['paths'])).flatMap(([path, item]) =>
    Object.keys(asObject(item)).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  )
}

/** Every `$ref` in a value. */
function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) =>
    key === '$ref' && typeof child === 'string' ? [child] : refsIn(child),
  )
}

describe('the OpenAPI document', () => {
  it('describes exactly the existing routes', () => {
    expect(describedRoutes().sort()).to.deep.equal(routesOf().sort())
  })

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(document))
    expect(errors ?? [], JSON.stringify(errors, undefined, 2)).to.deep.equal([])
    expect(valid).to.equal(true)
    expect(validator.version).to.equal('3.1')
  })

  it('refers only to schemas that it contains, and contains no unused one', () => {
    const { schemas, headers } = asObject(document['components'])
    const held = Object.entries({ schemas, headers }).flatMap(([kind, all]) =>
      Object.keys(asObject(all)).map((name) => `#/components/${kind}/${name}`),
    )
    expect([...new Set(refsIn(document))].sort()).to.deep.equal(held.sort())
  })

  it('gives every operation a unique id, a summary and the failures that every request can get', () => {
    const operations = Object.entries(asObject(document['paths'])).flatMap(([path, item]) =>
      Object.values(asObject(item)).map((operation) => ({ path, ...asObject(operation) })),
    )
    const ids = operations.map((operation) => String(asObject(operation)['operationId']))
    expect(new Set(ids).size).to.equal(ids.length)
    for (const operation of operations) {
      const { path, summary, responses } = asObject(operation)
      expect(summary, String(path)).to.be.a('string')
      expect(responses).to.include.keys('408', '431')
      if (String(path).startsWith('/api/')) expect(responses).to.include.keys('401', '429', '500', '503')
    }
  })

  it('contains no keyword of Kubernetes', () => {
    expect(JSON.stringify(document)).to.not.include('x-kubernetes')
  })
})
