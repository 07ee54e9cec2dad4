import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Place, kubectl } from './kubectl.ts'

/** A port of this machine behind which a Service of the cluster answers. */
export interface Forward {
  port: number
  /** Resolves when forwarding has ended. */
  ended: Promise<void>
}

export interface ForwardOptions {
  place: Place
  service: string
  /** Port on 127.0.0.1; 0 takes a free one. */
  localPort: number
  servicePort: number
  tell: (what: string) => void
}

const pauseMs = 500

/**
 * Forwards a port until the signal. kubectl holds on to one pod: when that goes it is started again, on the same port.
 * Resolves when the port can be used; rejects when the first attempt ends at once.
 */
export async function forward(options: ForwardOptions, signal: AbortSignal): Promise<Forward> {
  const first = attempt(options, options.localPort, signal)
  const port = await Promise.race([first.open, first.closed.then((said) => Promise.reject(new Error(said)))])
  return { port, ended: keepUp({ ...options, localPort: port }, first, signal) }
}

async function keepUp(options: ForwardOptions, first: Attempt, signal: AbortSignal): Promise<void> {
  let current = first
  let isDown = false
  for (;;) {
    const said = await current.closed
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    // Ctrl-C goes to kubectl too, which may be the first to end.
    if (signal.aborted) return
    if (!isDown) options.tell(`port ${options.localPort} lost its pod, forwarding it again (${said})`)
    isDown = true
    current = attempt(options, options.localPort, signal)
    const isOpen = await Promise.race([current.open.then(() => true), current.closed.then(() => false)])
    if (isOpen) options.tell(`port ${options.localPort} is forwarded again`)
    isDown &&= !isOpen
  }
}

interface Attempt {
  /** The local port, once it is open. Never settles where it never opens. */
  open: Promise<number>
  /** What kubectl said last, once it has ended. */
  closed: Promise<string>
}

function attempt({ place, service, servicePort }: ForwardOptions, localPort: number, signal: AbortSignal): Attempt {
  const ports = `${localPort === 0 ? '' : localPort}:${servicePort}`
  const [file, ...args] = kubectl(place, 'port-forward', '--address=127.0.0.1', `service/${service}`, ports)
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = (): void => void child.kill()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  let said = ''
  const open = new Promise<number>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
  })
  createInterface(child.stderr).on('line', (line) => (said = line))
  const closed = once(child, 'close').then(
    () => said,
    (error: unknown) => String(error),
  )
  return { open, closed: closed.finally(() => signal.removeEventListener('abort', stop)) }
}
