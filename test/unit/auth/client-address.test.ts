import { isIP } from 'node:net'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { clientsBehind } from '../../../src/auth/client-address.ts'

const trusting = clientsBehind([
  { address: '10.0.0.0', prefix: 8 },
  { address: 'fd00::1', prefix: 128 },
])
const withoutProxies = clientsBehind([])

const cases: [behaviour: string, peer: string, forwardedFor: string, client: string][] = [
  ['the peer without a header', '192.0.2.1', '', '192.0.2.1'],
  ['the peer that is not a proxy, whatever its header', '192.0.2.1', '198.51.100.7', '192.0.2.1'],
  ['the address that a trusted proxy names', '10.1.2.3', '198.51.100.7', '198.51.100.7'],
  [
    'the address that a trusted proxy appended, not the one that its client sent',
    '10.1.2.3',
    '203.0.113.9, 198.51.100.7',
    '198.51.100.7',
  ],
  [
    'the address that the first of several trusted proxies appended',
    '10.1.2.3',
    '203.0.113.9, 198.51.100.7, 10.9.9.9',
    '198.51.100.7',
  ],
  ['the first hop if all are trusted', '10.1.2.3', '10.4.5.6, 10.7.8.9', '10.4.5.6'],
  ['a proxy without a header', '10.1.2.3', '', '10.1.2.3'],
  ['a proxy with an invalid header', '10.1.2.3', '198.51.100.7, unknown', '10.1.2.3'],
  ['a proxy by IPv6, and one with a port', 'fd00::1', '198.51.100.7:4711', '198.51.100.7'],
  ['an IPv6 client in brackets, with a port', 'fd00::1', '[2001:db8:1:2::3]:4711', '2001:db8:1:2::/64'],
  ['IPv4 in IPv6 as IPv4', '::ffff:192.0.2.1', '', '192.0.2.1'],
  ['IPv4 in IPv6, written in hex', '::ffff:c000:201', '', '192.0.2.1'],
  ['IPv6 where IPv4 is written in the deprecated compatible form', '::192.0.2.1', '', '0:0:0:0::/64'],
  ['a trusted proxy by IPv4 in IPv6', '::ffff:10.1.2.3', '198.51.100.7', '198.51.100.7'],
  ['IPv6 by its /64', '2001:db8:1:2:3:4:5:6', '', '2001:db8:1:2::/64'],
  ['the same /64 in any notation', '2001:0DB8:0001:0002::', '', '2001:db8:1:2::/64'],
  ['another /64 as another', '2001:db8:1:3::', '', '2001:db8:1:3::/64'],
  ['zeros in the middle', '2001:db8::1', '', '2001:db8:0:0::/64'],
  ['the loopback', '::1', '', '0:0:0:0::/64'],
  ['an address with a zone', 'fe80::1%eth0', '', 'fe80:0:0:0::/64'],
  ['empty for a closed socket', '', '', ''],
]

describe('the client that a request counts for', () => {
  for (const [behaviour, peer, forwardedFor, client] of cases) {
    it(`is ${behaviour}`, () => expect(trusting(peer, forwardedFor)).to.equal(client))
  }

  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('10.1.2.3', 'fd00::1', '::ffff:10.0.0.1', '::1%lo'))
  const anything = fc.oneof(
    address,
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[0-9a-f:.[\]%]{0,50}$/),
  )
  const header = fc.oneof(
    anything,
    fc
      .array(
        fc.oneof(
          anything,
          address.map((text) => `[${text}]:80`),
        ),
        { maxLength: 6 },
      )
      .map((hops) => hops.join(', ')),
  )

  it('is an address or the peer, whatever the header contains, and short', () => {
    fc.assert(
      fc.property(anything, header, (peer, forwardedFor) => {
        const client = trusting(peer, forwardedFor)
        if (isIP(client.replace(/::\/64$/, '::')) === 0) expect(peer.includes(client)).to.equal(true)
        else expect(client.length).to.be.at.most(39)
      }),
      { numRuns: 2000 },
    )
  })

  it('never comes from a header if no proxy is trusted', () => {
    expect(withoutProxies('10.1.2.3', '198.51.100.7')).to.equal('10.1.2.3')
    const stranger = anything.filter((peer) => !/^(10\.|fd00:|::ffff:|\[)/i.test(peer))
    fc.assert(
      fc.property(anything, header, (peer, forwardedFor) => {
        expect(withoutProxies(peer, forwardedFor)).to.equal(withoutProxies(peer, ''))
      }),
    )
    fc.assert(
      fc.property(stranger, header, (peer, forwardedFor) => {
        expect(trusting(peer, forwardedFor)).to.equal(withoutProxies(peer, ''))
      }),
      { numRuns: 1000 },
    )
  })
})
