import { expect } from 'chai'
import { type Address, isTrustedOrigin } from '../../../src/auth/origin.ts'

const list = ['https://dashboard.example']

const cases: [
  what: string,
  origin: string | undefined,
  host: string | undefined,
  list: string[] | undefined,
  is: boolean,
][] = [
  ['what is no browser', undefined, 'hub.example:3001', undefined, true],
  [
    'a page of the same name, which may be a stranger’s',
    'http://hub.example:3001',
    'hub.example:3001',
    undefined,
    false,
  ],
  ['a page of the same name, written otherwise', 'https://HUB.example', 'hub.example:3001', undefined, false],
  ['a page of the same address', 'http://10.0.0.5:3000', '10.0.0.5:3001', undefined, true],
  ['a page of the same IPv6 address', 'http://[fd00::5]:3000', '[FD00::5]:3001', undefined, true],
  ['a page of another address', 'http://10.0.0.6', '10.0.0.5:3001', undefined, false],
  ['a page of the same Service', 'http://runnerhub:3000', 'runnerhub:3001', undefined, true],
  ['a page of the same Service, in full', 'http://hub.ns.svc', 'hub.ns.svc:3001', undefined, true],
  ['a page of a name that only looks like a Service', 'http://svc.example', 'svc.example', undefined, false],
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
    it(`${is ? 'is' : 'is not'} ${what}`, () => {
      expect(isTrustedOrigin({ origin, host, isWebSocket: true }, allowed)).to.equal(is)
    })
  }

  // A browser names no origin where a page polls its own host.
  const polling: [host: string, list: string[] | undefined, is: boolean][] = [
    ['evil.example:3001', undefined, false],
    ['evil.example:3001', list, false],
    ['dashboard.example', list, true],
    ['evil.example', ['*'], true],
    ['localhost:3001', undefined, true],
    ['127.0.0.1:3001', undefined, true],
    ['10.0.0.5:3001', undefined, true],
    ['runnerhub-realtime:3001', undefined, true],
    ['runnerhub-realtime.runnerhub.svc.cluster.local', undefined, true],
    ['', undefined, false],
  ]
  for (const [host, allowed, is] of polling) {
    it(`${is ? 'is' : 'is not'} who polls "${host}" without an origin${allowed ? `, with ${allowed.join()}` : ''}`, () => {
      const address: Address = { origin: undefined, host, isWebSocket: false }
      expect(isTrustedOrigin(address, allowed)).to.equal(is)
    })
  }
})
