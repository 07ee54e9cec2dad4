import { expect } from 'chai'
import * as errors from '../../../../src/kube/client/errors.ts'

const status = (code: number, reason: string, rest: object = {}): object => ({
  kind: 'Status',
  code,
  reason,
  message: `it is ${reason}`,
  ...rest,
})

const delayOf = (body: unknown, headers: errors.ResponseHeaders): number | undefined =>
  errors.apiErrorFrom(429, body, headers).retryAfterMs

describe('an error response', () => {
  const kinds: [code: number, reason: string, kind: typeof errors.ApiError][] = [
    [401, 'Unauthorized', errors.Unauthorized],
    [403, 'Forbidden', errors.Forbidden],
    [404, 'NotFound', errors.NotFound],
    [409, 'Conflict', errors.Conflict],
    [409, 'AlreadyExists', errors.AlreadyExists],
    [410, 'Expired', errors.Gone],
    [410, 'Gone', errors.Gone],
    [422, 'Invalid', errors.Invalid],
    [429, 'TooManyRequests', errors.TooManyRequests],
    [500, 'InternalError', errors.ApiError],
    [504, 'Timeout', errors.ApiError],
  ]
  for (const [code, reason, kind] of kinds) {
    it(`${code} ${reason} is ${kind.name}`, () => {
      const error = errors.apiErrorFrom(code, status(code, reason, { details: { name: 'a' } }))
      expect(error.constructor).to.equal(kind)
      expect(error).to.include({ code, reason, message: `it is ${reason}` })
      expect(error.details).to.deep.equal({ name: 'a' })
    })
  }

  it('403 with the cause NamespaceTerminating is NamespaceTerminating', () => {
    const causes = [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }]
    const error = errors.apiErrorFrom(403, status(403, 'Forbidden', { details: { causes } }))
    expect(error).to.be.instanceOf(errors.NamespaceTerminating).and.instanceOf(errors.Forbidden)
    for (const others of [[{ reason: 'FieldValueInvalid' }], [null], {}, 'NamespaceTerminating']) {
      const other = errors.apiErrorFrom(403, status(403, 'Forbidden', { details: { causes: others } }))
      expect(other.constructor).to.equal(errors.Forbidden)
    }
  })

  it('has a message when the body is text, empty or not a Status', () => {
    expect(errors.apiErrorFrom(404, '404 page not found\n')).to.be.instanceOf(errors.NotFound)
    expect(errors.apiErrorFrom(404, '404 page not found\n').message).to.equal('HTTP 404: 404 page not found')
    expect(errors.apiErrorFrom(502, '').message).to.equal('HTTP 502')
    expect(errors.apiErrorFrom(502, ['x']).message).to.equal('HTTP 502')
    expect(errors.apiErrorFrom(502, null).message).to.equal('HTTP 502')
  })

  it('has the delay of its header, else of its details, else none', () => {
    const details = { details: { retryAfterSeconds: 7 } }
    expect(delayOf(status(429, 'TooManyRequests', details), { 'retry-after': '3' })).to.equal(3000)
    expect(delayOf(status(429, 'TooManyRequests', details), {})).to.equal(7000)
    expect(delayOf('', {})).to.equal(undefined)
    expect(delayOf('', { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' })).to.equal(undefined)
    expect(delayOf('', { 'retry-after': '0' })).to.equal(undefined)
  })
})
