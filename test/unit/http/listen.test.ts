import { createServer } from 'node:http'
import { expect } from 'chai'
import { listen } from '../../../src/http/listen.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { eventually } from '../../observe/eventually.ts'

describe('a server that listens', () => {
  it('keeps listening when a connection could not be accepted', async () => {
    const log = new RecordedLog()
    const server = createServer()
    const stop = new AbortController()
    const served = listen(server, 0, { name: 'rest', log, signal: stop.signal })
    try {
      await eventually(() => log.lines.some(({ message }) => message === 'listening'), { what: 'the server to listen' })
      // As Node.js reports it when no descriptor is left.
      server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE', syscall: 'accept' }))
      const expected = { level: 'warn', message: 'connection could not be accepted', name: 'rest' }
      expect(log.lines.at(-1)).to.deep.equal(expected)
      expect(server.listening).to.equal(true)
    } finally {
      stop.abort()
      await served
    }
  })
})
