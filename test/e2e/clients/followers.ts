import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { asObject } from '../../../src/kube/client/parse.ts'
import { listOf } from '../../charts/monitoring.ts'

const token = 'your-token'
const reconnectMs = 200

/** A client that follows the jobs of a repository: it reconnects when its connection ends, and requests a snapshot. */
export interface Follower {
  /** The last received status of each job. */
  statuses: ReadonlyMap<string, string>
  /** The number of its connections so far. */
  connections: () => number
  close(): void
}

type Follow = (url: string, repository: string) => Follower

const bySocketIo: Follow = (url, repository) => {
  const statuses = new Map<string, string>()
  let connections = 0
  const delays = { reconnectionDelay: reconnectMs, reconnectionDelayMax: 1000 }
  const socket = io(url, { auth: { token }, forceNew: true, ...delays })
  socket.on('connect', () => {
    connections += 1
    socket.emit('subscribe:repository', { repository, snapshot: true })
  })
  socket.onAny((_event: string, data: unknown) => record(statuses, data))
  return { statuses, connections: () => connections, close: () => void socket.close() }
}

const byWebSocket: Follow = (url, repository) => {
  const statuses = new Map<string, string>()
  let connections = 0
  let isOver = false
  const connect = (): WebSocket => {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } })
    socket.on('open', () => {
      connections += 1
      socket.send(JSON.stringify({ event: 'subscribe:repository', data: { repository, snapshot: true } }))
    })
    socket.on('message', (data) => {
      if (Buffer.isBuffer(data)) record(statuses, asObject(JSON.parse(data.toString()))['data'])
    })
    // It is closed after an error, too.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (!isOver) setTimeout(() => (current = connect()), reconnectMs)
    })
    return socket
  }
  let current = connect()
  const close = (): void => {
    isOver = true
    current.terminate()
  }
  return { statuses, connections: () => connections, close }
}

/** Both protocols, by name. */
export const followers: Record<string, Follow> = { 'Socket.IO': bySocketIo, 'raw WebSocket': byWebSocket }

/** Records the statuses in a message about one job, or in a snapshot. */
function record(statuses: Map<string, string>, data: unknown): void {
  const { jobs } = asObject(data)
  for (const job of Array.isArray(jobs) ? listOf(jobs) : [data]) {
    const { jobId, status } = asObject(job)
    if (typeof jobId === 'string' && typeof status === 'string') statuses.set(jobId, status)
  }
}
