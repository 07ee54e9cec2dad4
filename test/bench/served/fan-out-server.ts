import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { makeStores } from '../../../src/cluster/caches.ts'
import { systemClock as clock } from '../../../src/kube/runtime/clock.ts'
import { makeLog } from '../../../src/log.ts'
import { makeRealtime } from '../../../src/realtime/server.ts'
import { aJob } from '../../objects/builders.ts'
import { fillStores } from '../../objects/stores.ts'
import { onCommand, portOf, ready } from './child.ts'

/** Serves events to WebSocket clients: with the operator's realtime server, or with minimal code. */
const publish = process.argv[2] === 'bare' ? await serveBare() : await serveOurs()

let published = 0
onCommand((count) => {
  for (let index = 0; index < count; index += 1) {
    publish(`job-${published}`)
    published += 1
  }
})

/** The realtime server with its own caches: each new job is one event. */
async function serveOurs(): Promise<(jobId: string) => void> {
  const log = makeLog('error')
  const caches = { ...makeStores(log), reflectors: [] }
  await fillStores(caches)
  const decision = { is: 'admitted', caller: 'bench', mayList: true, scope: { is: 'all' } } as const
  const admit = () => Promise.resolve(decision)
  const { server } = makeRealtime({ caches, admit, clock, log, reauthoriseMs: 60_000, mostPerCaller: 1e6 })
  await listening(server)
  return (jobId) => caches.jobs.upsert(aJob({ metadata: { name: jobId, uid: jobId } }))
}

async function serveBare(): Promise<(jobId: string) => void> {
  const server = createServer()
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  await listening(server)
  return (jobId) => {
    const data = { jobId, repository: 'owner/repo', status: 'queued' }
    // Encoded once, as in our server: ws encodes a string again for each client.
    const bytes = Buffer.from(JSON.stringify({ event: 'job:delegated', data }))
    for (const socket of sockets.clients) {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes, { binary: false })
    }
  }
}

async function listening(server: Server): Promise<void> {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
  await once(server, 'listening')
  ready(portOf(server))
}
