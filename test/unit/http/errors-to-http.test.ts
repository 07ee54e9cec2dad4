import { expect } from 'chai'
import { errorToHttp } from '../../../src/http/errors-to-http.ts'
import { badRequest, HttpError, notFound } from '../../../src/http/http-error.ts'
import { apiErrorFrom, LeaseLost, Unreachable } from '../../../src/kube/client/errors.ts'

const secret = 'etcd at 10.0.0.1 said: token abc'

function apiError(code: number): Error {
  return apiErrorFrom(code, { message: secret })
}

const terminating = apiErrorFrom(403, {
  message: secret,
  details: { causes: [{ reason: 'NamespaceTerminating' }] },
})

const unavailable: [what: string, error: unknown][] = [
  ['an API server that cannot be reached', new Unreachable(secret)],
  ['an API server in trouble', apiError(500)],
  ['an API server that is overloaded', apiError(503)],
  ['an API server that asks for patience', apiError(429)],
  ['a quota that is used up, or missing rights of our own', apiError(403)],
  ['a namespace that is being deleted', terminating],
  ['a lost Lease', new LeaseLost(secret)],
  ['a request that took too long', new DOMException(secret, 'TimeoutError')],
  ['a request that was given up', new DOMException(secret, 'AbortError')],
]
const internal: [what: string, error: unknown][] = [
  ['a bug', new TypeError(secret)],
  ['credentials that are not taken', apiError(401)],
  ['a conflict that nobody handled', apiError(409)],
  ['something that is no error', secret],
  ['nothing', undefined],
]

describe('an error for a caller', () => {
  it('is passed on unchanged when it is meant for callers', () => {
    const error = new HttpError(409, 'IllegalTransition', 'no', { Allow: 'GET' })
    expect(errorToHttp(error)).to.equal(error)
    expect(errorToHttp(badRequest('x'))).to.include({ status: 400, code: 'InvalidRequest', message: 'x' })
    expect(errorToHttp(notFound('job'))).to.include({ status: 404, code: 'NotFound', message: 'job not found' })
  })

  it('is 400 with the reason when the API server rejects the object', () => {
    const error = errorToHttp(apiErrorFrom(422, { message: 'spec.sha: Invalid value' }))
    expect(error).to.include({ status: 400, code: 'InvalidRequest', message: 'spec.sha: Invalid value' })
  })

  for (const [what, error] of unavailable) {
    it(`is 503 with Retry-After for ${what}`, () => {
      const answer = errorToHttp(error)
      expect(answer).to.include({ status: 503, code: 'ClusterUnavailable' })
      expect(answer.headers).to.deep.equal({ 'Retry-After': '5' })
      expect(answer.message).to.not.include('etcd')
    })
  }

  for (const [what, error] of internal) {
    it(`is 500 without details for ${what}`, () => {
      expect(errorToHttp(error)).to.include({ status: 500, code: 'InternalError', message: 'internal error' })
    })
  }
})
