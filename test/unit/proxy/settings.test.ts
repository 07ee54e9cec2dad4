import { expect } from 'chai'
import { BadSettings, settingsOf, withoutOwn } from '../../../src/proxy/settings.ts'

const least = { RUNNERHUB_URL: 'http://hub:3000/prefix', RUNNERHUB_TOKEN_FILE: '/run/token' }

describe('the settings of a proxy', () => {
  it('need an address and a token, and have defaults for the rest', () => {
    const { url, realtimeUrl, ...others } = settingsOf(least)
    expect([url.href, realtimeUrl?.href]).to.deep.equal(['http://hub:3000/prefix', 'ws://hub:3001/'])
    expect(others).to.deep.equal({
      tokenFile: '/run/token',
      labels: [],
      onUnreachable: 'fail',
      retryMs: 60_000,
      lostMs: 900_000,
      heartbeatMs: 60_000,
      orphanMs: 600_000,
    })
  })

  it('have no address of events where nobody says one and the port does not', () => {
    expect(settingsOf({ ...least, RUNNERHUB_URL: 'https://hub.example.com' })).to.not.have.property('realtimeUrl')
    expect(settingsOf({ ...least, RUNNERHUB_REALTIME_URL: 'wss://hub/events' }).realtimeUrl?.href).to.equal(
      'wss://hub/events',
    )
  })

  for (const [name, value, why] of [
    ['URL', '', 'is not set'],
    ['URL', 'hub:3000', 'must begin with http'],
    ['URL', 'http://user:secret@hub', 'must hold no user or password'],
    ['REALTIME_URL', 'http://hub', 'must begin with ws'],
    ['TOKEN_FILE', ' ', 'is not set'],
    ['ON_UNREACHABLE', 'retry', 'must be fail or local'],
    ['RETRY_SECONDS', '0', 'whole number of seconds'],
    ['LOST_SECONDS', '1.5', 'whole number of seconds'],
    ['HEARTBEAT_SECONDS', 'often', 'whole number of seconds'],
    ['ORPHAN_SECONDS', '100000', 'whole number of seconds'],
  ] as const) {
    it(`name RUNNERHUB_${name} where it is '${value}', and say why`, () => {
      expect(() => settingsOf({ ...least, [`RUNNERHUB_${name}`]: value }))
        .to.throw(BadSettings, `RUNNERHUB_${name}`)
        .with.property('message')
        .that.includes(why)
        .and.does.not.include('secret')
    })
  }

  it('are kept from what the proxy starts', () => {
    expect(withoutOwn({ ...least, PATH: '/bin', RUNNER_NAME: 'x' })).to.deep.equal({ PATH: '/bin', RUNNER_NAME: 'x' })
  })
})
