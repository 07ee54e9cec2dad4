import { expect } from 'chai'
import { parseQueueKey, queueKey } from '../../../src/controllers/queue-keys.ts'

describe('keys of the work queue', () => {
  it('contain kind and object, and can be parsed', () => {
    for (const kind of ['job', 'runner', 'pod', 'pool'] as const) {
      expect(parseQueueKey(queueKey(kind, 'ns/name'))).to.deep.equal({ kind, key: 'ns/name' })
    }
  })
})
