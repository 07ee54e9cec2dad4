import { expect } from 'chai'
import { isReviewable } from '../../../src/auth/token-review.ts'
import { at } from '../../objects/builders.ts'

const nowMs = at(0).getTime()
const now = nowMs / 1000
const good = { iss: 'https://kubernetes.default.svc', aud: ['runnerhub'], exp: now + 3600, nbf: now, sub: 'x' }

/** A token that says this of itself; nobody has signed it. */
function tokenOf(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`
}

const claims: Record<string, [claims: unknown, is: boolean]> = {
  'is made for us': [good, true],
  'is made for us alone': [{ ...good, aud: 'runnerhub' }, true],
  'is made for us among others': [{ ...good, aud: ['vault', 'runnerhub'] }, true],
  'says nothing of when it begins': [{ ...good, nbf: undefined }, true],
  'ended a moment ago, by our clock': [{ ...good, exp: now - 59 }, true],
  'is made for others': [{ ...good, aud: ['vault'] }, false],
  'is made for nobody': [{ ...good, aud: undefined }, false],
  'has no issuer': [{ ...good, iss: undefined }, false],
  'has an empty issuer': [{ ...good, iss: '' }, false],
  'ended a minute ago': [{ ...good, exp: now - 60 }, false],
  'never ends': [{ ...good, exp: undefined }, false],
  'ends at a text': [{ ...good, exp: '9999999999' }, false],
  'begins in two minutes': [{ ...good, nbf: now + 120 }, false],
  'is a list': [[good], false],
  'is null': [null, false],
}

describe('a token is worth a review', () => {
  for (const [what, [said, is]] of Object.entries(claims)) {
    it(`${is ? 'where' : 'not where'} it ${what}`, () => {
      expect(isReviewable(tokenOf(said), { audience: 'runnerhub', nowMs })).to.equal(is)
    })
  }

  for (const garbage of ['', 'a.b.c', 'abc', `${tokenOf(good)}.x`, 'e30.e30.e30', 'e30.bm90IEpTT04.e30']) {
    it(`not where it is ${garbage.slice(0, 20) || 'empty'}`, () => {
      expect(isReviewable(garbage, { audience: 'runnerhub', nowMs })).to.equal(false)
    })
  }
})
