import { expect } from 'chai'
import { type Address, isTrustedOrigin } from '../../../src/auth/origin.ts'

const list = ['https://dashboard.example']

const cases: [
  what: string,
  origin: string | undefined,
  host: string | undefined,
  list: string[] | undefined,
  isTrusted: boolean,
][] = [
  ['a client that is not a browser', undefined, 'hub.example:3001', undefined, true],
  [
    'a page of the same name, which a stranger may own',
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
  [
    'a page of a host whose name contains this one',
    'https://hub.example.evil.example',
    'hub.example',
    undefined,
    false,
  ],
  ['a page with the name before an @', 'https://hub.example@evil.example', 'hub.example', undefined, false],
  ['a page of this machine', 'http://localhost:8080', 'hub.example', undefined, true],
  ['a page of this machine, by its address', 'http://127.0.0.1:8080', 'hub.example', undefined, true],
  ['a page of this machine, by IPv6', 'http://[::1]:8080', 'hub.example', undefined, true],
  ['a page of a name below localhost', 'http://app.localhost', 'hub.example', undefined, true],
  ['a page that calls itself localhost', 'http://localhost.evil.example', 'hub.example', undefined, false],
  ['a page with an opaque origin', 'null', 'hub.example', undefined, false],
  ['a page from a file', 'file://', 'hub.example', undefined, false],
  ['an empty origin', '', '', undefined, false],
  ['a page without a Host header', 'http://hub.example', undefined, undefined, false],
  ['a listed page', 'https://dashboard.example', 'hub.example', list, true],
  ['a page of the same host that is not listed', 'https://hub.example', 'hub.example', list, false],
  ['any page, where all are listed', 'https://anywhere.example', 'hub.example', ['*'], true],
  ['a client that is not a browser, with a list', undefined, 'hub.example', list, true],
]

describe('a connection without a token', () => {
  for (const [what, origin, host, allowed, isTrusted] of cases) {
    it(`is ${isTrusted ? 'accepted' : 'rejected'} from ${what}`, () => {
      expect(isTrustedOrigin({ origin, host, isWebSocket: true }, allowed)).to.equal(isTrusted)
    })
  }

  // A browser names no origin where a page polls its own host.
  const polling: [host: string, list: string[] | undefined, isTrusted: boolean][] = [
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
  for (const [host, allowed, isTrusted] of polling) {
    it(`is ${isTrusted ? 'accepted' : 'rejected'} from a poll of "${host}" without an origin${allowed ? `, with ${allowed.join()}` : ''}`, () => {
      const address: Address = { origin: undefined, host, isWebSocket: false }
      expect(isTrustedOrigin(address, allowed)).to.equal(isTrusted)
    })
  }
})
