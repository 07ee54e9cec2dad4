import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { KubeObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { makeCertificate } from '../faults/proxy/certificate.ts'
import { STAND_IN_NODE } from './node.ts'

const nodes: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' }
const forever = new AbortController().signal

/** One pod's log. */
interface Log {
  lines: string[]
  isOver: boolean
  /** The response to readers: the lines, the kubelet's own words, a refusal, or nothing. */
  answer: 'lines' | 'words' | 'refusal' | 'none'
  readers: Set<ServerResponse>
}

/**
 * The logs of the stand-in node, served to the API server as by a kubelet.
 *
 *   const logs = await serveLogs(client)     the node's status has the address of its kubelet from now on
 *   logs.write('pod', 'a line')              also sent to followers
 *   logs.breakOff('pod')                     resets the connections of followers; `hangUp` ends them normally
 *   logs.end('pod')                          the container has ended
 */
export class NodeLogs {
  readonly #server: Server
  readonly #isOver: boolean
  readonly #logs = new Map<string, Log>()
  /** The queries of all log requests. */
  readonly asked: URLSearchParams[] = []
  /** The containers of all log requests, as `pod/container`. */
  readonly containers: string[] = []
  #written = 0

  /** `isOver`: every log is over from its beginning. */
  constructor(server: Server, { isOver = false } = {}) {
    this.#server = server
    this.#isOver = isOver
    server.on('request', (request, response) => this.#serve(request, response))
  }

  /** Each line is a second after the one before it, unless it has a time of its own. */
  write(pod: string, text: string, at?: Date): void {
    this.#written += 1
    const time = at ?? new Date(Date.UTC(2026, 0, 1) + this.#written * 1000)
    const stamp = time.toISOString().replace('Z', '000000Z')
    const line = `${stamp} ${text}\n`
    const log = this.#of(pod)
    log.lines.push(line)
    for (const reader of log.readers) reader.write(line)
  }

  readers(pod: string): number {
    return this.#of(pod).readers.size
  }

  breakOff(pod: string): void {
    this.#release(pod, (reader) => reader.destroy())
  }

  /** Breaks off the latest follower, whose next requests are refused as for a container that the node does not know. */
  loseNext(pod: string): void {
    const { readers } = this.#of(pod)
    const latest = [...readers].at(-1)
    if (latest === undefined) return
    readers.delete(latest)
    this.#of(pod).answer = 'refusal'
    latest.destroy()
  }

  hangUp(pod: string): void {
    this.#release(pod, (reader) => reader.end())
  }

  /** The container has ended and was removed: a kubelet reports this as log text. */
  forget(pod: string): void {
    this.#of(pod).answer = 'words'
    this.end(pod)
  }

  /** The kubelet does not know the container and returns 400. */
  refuse(pod: string): void {
    this.#of(pod).answer = 'refusal'
    this.breakOff(pod)
  }

  /** The node does not respond for this pod any more. */
  vanish(pod: string): void {
    this.#of(pod).answer = 'none'
    this.breakOff(pod)
  }

  /** The node is back. */
  appear(pod: string): void {
    this.#of(pod).answer = 'lines'
  }

  end(pod: string): void {
    this.#of(pod).isOver = true
    this.hangUp(pod)
  }

  /** The pod is gone, and its log with it. */
  remove(pod: string): void {
    this.hangUp(pod)
    this.#logs.delete(pod)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #release(pod: string, release: (reader: ServerResponse) => void): void {
    const { readers } = this.#of(pod)
    const released = [...readers]
    readers.clear()
    released.forEach(release)
  }

  #of(pod: string): Log {
    const begun: Log = { lines: [], isOver: this.#isOver, answer: 'lines', readers: new Set() }
    const log = this.#logs.get(pod) ?? begun
    this.#logs.set(pod, log)
    return log
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://kubelet')
    const [, , , pod = '', container = ''] = pathname.split('/')
    this.asked.push(searchParams)
    this.containers.push(`${pod}/${container}`)
    const log = this.#of(pod)
    switch (log.answer) {
      case 'none':
        return void request.socket.destroy()
      case 'refusal':
        return void response.writeHead(400).end('container "job" in pod is not available')
      case 'words':
        return void response.end('unable to retrieve container logs for containerd://0123')
      case 'lines':
        return sendLines(log, searchParams, response)
      default:
        log.answer satisfies never
    }
  }
}

function sendLines(log: Log, query: URLSearchParams, response: ServerResponse): void {
  // The API server cuts it to seconds.
  const since = (query.get('sinceTime') ?? '').slice(0, '2026-01-01T00:00:00'.length)
  const tail = Number(query.get('tailLines') ?? Infinity)
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.flushHeaders()
  const lines = log.lines.filter((line) => line >= since)
  const text = Buffer.from(lines.slice(Math.max(0, lines.length - tail)).join(''))
  response.write(text.subarray(0, Number(query.get('limitBytes') ?? text.length)))
  if (query.get('follow') !== 'true' || log.isOver) return void response.end()
  log.readers.add(response)
  response.on('close', () => log.readers.delete(response))
}

/** Serves the logs of the node to which the stand-in kubelet binds pods; close it in `after`. */
export async function serveLogs(client: KubeClient, options: { isOver?: boolean } = {}): Promise<NodeLogs> {
  const server = createServer(await makeCertificate())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen')
  const node = await client.get(nodes, { namespace: '', name: STAND_IN_NODE }, forever)
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: address.port } },
  }
  await client.patchMerge<KubeObject>(nodes, { namespace: '', name: node.metadata.name }, { status }, forever, 'status')
  return new NodeLogs(server, options)
}
