import { expect } from 'chai'
import { messageOf } from '../../../src/realtime/messages.ts'

describe('a message', () => {
  it('becomes a frame for the first client that takes it as one, once for all', () => {
    let made = 0
    const payload = { toJSON: () => ({ number: ++made }) }
    const message = messageOf('job:status', payload)
    expect(made, 'before anybody takes it').to.equal(0)
    const { bytes } = message
    expect(message.bytes).to.equal(bytes)
    expect(bytes.toString()).to.equal('{"event":"job:status","data":{"number":1}}')
  })
})
