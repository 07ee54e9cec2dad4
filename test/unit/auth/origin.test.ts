import { expect } from 'chai'
import { isTrustedOrigin } from '../../../src/auth/origin.ts'

const list = ['https://dashboard.example']

const cases: [
  what: string,
  origin: string | undefined,
  host: string | undefined,
  list: string[] | undefined,
  is: boolean,
][] = [
  ['what is no browser', undefined, 'hub.example:3001', undefined, true],
  ['a page of the same host', 'http://hub.example:3000', 'hub.example:3001', undefined, true],
  ['a page of the same host, written otherwise', 'https://HUB.example', 'hub.example:3001', undefined, true],
  ['a page of another host', 'https://evil.example', 'hub.example:3001', undefined, false],
  ['a page of a host with the name in its own', 'https://hub.example.evil.example', 'hub.example', undefined, false],
  ['a page with the name before an @', 'https://hub.example@evil.example', 'hub.example', undefined, false],
  ['a page of this machine', 'http://localhost:8080', 'hub.example', undefined, true],
  ['a page of this machine, by its address', 'http://127.0.0.1:8080', 'hub.example', undefined, true],
  ['a page of this machine, by IPv6', 'http://[::1]:8080', 'hub.example', undefined, true],
  ['a page of a name below localhost', 'http://app.localhost', 'hub.example', undefined, true],
  ['a page that calls itself localhost', 'http://localhost.evil.example', 'hub.example', undefined, false],
  ['a page without an origin of its own', 'null', 'hub.example', undefined, false],
  ['a page from a file', 'file://', 'hub.example', undefined, false],
  ['an empty origin', '', '', undefined, false],
  ['a page where the host is not told', 'http://hub.example', undefined, undefined, false],
  ['a listed page', 'https://dashboard.example', 'hub.example', list, true],
  ['a page of the same host that is not listed', 'https://hub.example', 'hub.example', list, false],
  ['any page, where all are listed', 'https://anywhere.example', 'hub.example', ['*'], true],
  ['what is no browser, with a list', undefined, 'hub.example', list, true],
]

describe('who may connect without a token, where that is configured', () => {
  for (const [what, origin, host, allowed, is] of cases) {
    it(`${is ? 'is' : 'is not'} ${what}`, () => expect(isTrustedOrigin(origin, host, allowed)).to.equal(is))
  }
})
