import { expect } from 'chai'
import { parseQueueKey, queueKey } from '../../../src/controllers/queue-keys.ts'

describe('keys of the work queue', () => {
  it('say kind and object, and are taken apart again', () => {
    for (const kind of ['job', 'runner', 'pod', 'pool'] as const) {
      expect(parseQueueKey(queueKey(kind, 'ns/name'))).to.deep.equal({ kind, key: 'ns/name' })
    }
  })
})
