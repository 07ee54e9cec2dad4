import { expect } from 'chai'
import { messageOf } from '../../../src/realtime/messages.ts'

describe('a message', () => {
  it('is encoded as a frame once, for the first client that needs it', () => {
    let made = 0
    const payload = { toJSON: () => ({ number: ++made }) }
    const message = messageOf('job:status', payload)
    expect(made, 'before the first client').to.equal(0)
    const { bytes } = message
    expect(message.bytes).to.equal(bytes)
    expect(bytes.toString()).to.equal('{"event":"job:status","data":{"number":1}}')
  })
})
