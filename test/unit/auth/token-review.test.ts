import { expect } from 'chai'
import { isReviewable } from '../../../src/auth/token-review.ts'
import { at } from '../../objects/builders.ts'

const nowMs = at(0).getTime()
const now = nowMs / 1000
const good = { iss: 'https://kubernetes.default.svc', aud: ['runnerhub'], exp: now + 3600, nbf: now, sub: 'x' }

/** An unsigned token with these claims. */
function tokenOf(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`
}

const claims: Record<string, [claims: unknown, isExpected: boolean]> = {
  'is issued for this audience': [good, true],
  'is issued for this audience alone': [{ ...good, aud: 'runnerhub' }, true],
  'is issued for several audiences': [{ ...good, aud: ['vault', 'runnerhub'] }, true],
  'has no nbf': [{ ...good, nbf: undefined }, true],
  'expired within the clock tolerance': [{ ...good, exp: now - 59 }, true],
  'is issued for another audience': [{ ...good, aud: ['vault'] }, false],
  'has no audience': [{ ...good, aud: undefined }, false],
  'has no issuer': [{ ...good, iss: undefined }, false],
  'has an empty issuer': [{ ...good, iss: '' }, false],
  'expired a minute ago': [{ ...good, exp: now - 60 }, false],
  'never expires': [{ ...good, exp: undefined }, false],
  'has a string as exp': [{ ...good, exp: '9999999999' }, false],
  'becomes valid in two minutes': [{ ...good, nbf: now + 120 }, false],
  'is a list': [[good], false],
  'is null': [null, false],
}

describe('a token is worth a review', () => {
  for (const [what, [payload, isExpected]] of Object.entries(claims)) {
    it(`${isExpected ? 'if' : 'not if'} it ${what}`, () => {
      expect(isReviewable(tokenOf(payload), { audience: 'runnerhub', nowMs })).to.equal(isExpected)
    })
  }

  for (const garbage of ['', 'a.b.c', 'abc', `${tokenOf(good)}.x`, 'e30.e30.e30', 'e30.bm90IEpTT04.e30']) {
    it(`not if it is ${garbage.slice(0, 20) || 'empty'}`, () => {
      expect(isReviewable(garbage, { audience: 'runnerhub', nowMs })).to.equal(false)
    })
  }
})
