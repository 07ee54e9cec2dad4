import { once } from 'node:events'
import { createServer, connect, type Socket } from 'node:net'

/** The current address of a port of the cluster. */
export interface Target {
  host: string
  port: number
}

/** A port of this machine that stays open until the signal. */
export interface Relay {
  port: number
  /** Resolves when it is closed, and every connection with it. */
  closed: Promise<void>
}

export interface RelayOptions {
  /** On 127.0.0.1; 0 takes a free one. */
  port: number
  /** Resolves with the target of the next connection, which waits for it. Rejects with the signal. */
  target: (signal: AbortSignal) => Promise<Target>
}

/**
 * Forwards every connection to a port to its target, both ways. Connections are independent: a client that resets its
 * own leaves the port open.
 */
export async function relay({ port, target }: RelayOptions, signal: AbortSignal): Promise<Relay> {
  const open = new Set<Socket>()
  const keep = (socket: Socket): void => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(socket))
  }
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    keep(client)
    target(signal).then(
      (to) => {
        if (!client.destroyed) keep(join(client, to))
      },
      () => client.destroy(),
    )
  })
  server.listen({ port, host: '127.0.0.1', exclusive: true })
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close').then(() => undefined)
  const close = (): void => {
    server.close()
    for (const socket of open) socket.destroy()
  }
  if (signal.aborted) close()
  else signal.addEventListener('abort', close, { once: true })
  return { port: typeof address === 'object' && address !== null ? address.port : port, closed }
}

/** The target's half of a client's connection. An end of either is forwarded; a break of either breaks both. */
function join(client: Socket, { host, port }: Target): Socket {
  const other = connect({ host, port, allowHalfOpen: true })
  other.once('close', () => client.destroy())
  client.once('close', () => other.destroy())
  other.setNoDelay(true)
  client.setNoDelay(true)
  client.pipe(other)
  other.pipe(client)
  return other
}
