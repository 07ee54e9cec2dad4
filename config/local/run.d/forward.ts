import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Place, askKubectl, kubectl } from './kubectl.ts'
import { relay, type Target } from './relay.ts'

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
  /** The cluster's network is on this machine: its Services are asked for first. */
  isLocal?: boolean
}

const pauseMs = 500

/** How soon is looked for the next attempt. */
const waitMs = 50

/** How long a Service on this machine may take to answer. */
const connectMs = 1000

/**
 * Forwards a port until the signal, and keeps it open whatever becomes of single connections and pods. Where the Service
 * can be reached from this machine, connections go there; else through kubectl, which holds on to one pod and ends with
 * that, or with a client that resets its connection: it is started again at once, and new connections wait for it.
 * Resolves when the port can be used; rejects when the first attempt ends at once.
 */
export async function forward(options: ForwardOptions, signal: AbortSignal): Promise<Forward> {
  const direct = options.isLocal === true ? await serviceAddress(options, signal) : undefined
  if (direct !== undefined) {
    const { port, closed } = await relay({ port: options.localPort, target: async () => direct }, signal)
    return { port, ended: closed }
  }
  const first = attempt(options, signal)
  const opened = first.closed.then((said) => Promise.reject(new Error(said)))
  await Promise.race([first.open, opened])
  const current = { now: first }
  const target = async (until: AbortSignal): Promise<Target> => ({
    host: '127.0.0.1',
    port: await openPort(current, until),
  })
  const { port, closed } = await relay({ port: options.localPort, target }, signal)
  const kept = keepUp({ ...options, localPort: port }, current, signal)
  return { port, ended: Promise.all([closed, kept]).then(() => undefined) }
}

/** The port of the attempt that goes on, or of the next one that does. */
async function openPort(current: { now: Attempt }, signal: AbortSignal): Promise<number> {
  for (;;) {
    const { open, closed } = current.now
    const port = await Promise.race([closed.then(() => undefined), open])
    if (port !== undefined) return port
    await sleep(waitMs, undefined, { signal })
  }
}

/** The address of a Service, where it takes connections from this machine. */
async function serviceAddress(
  { place, service, servicePort }: ForwardOptions,
  signal: AbortSignal,
): Promise<Target | undefined> {
  const host = await askKubectl(place, ['get', 'service', service, '--output=jsonpath={.spec.clusterIP}'], signal)
  const socket = connect({ host, port: servicePort, timeout: connectMs })
  try {
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'timeout').then(() => false),
    ]).catch(() => false)
    return isOpen ? { host, port: servicePort } : undefined
  } finally {
    socket.destroy()
  }
}

async function keepUp(options: ForwardOptions, current: { now: Attempt }, signal: AbortSignal): Promise<void> {
  let isDown = false
  for (;;) {
    const said = await current.now.closed
    // Ctrl-C goes to kubectl too, which may be the first to end.
    if (isDown || signal.aborted) await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    if (!isDown) options.tell(`port ${options.localPort} lost its pod, forwarding it again (${said})`)
    isDown = true
    current.now = attempt(options, signal)
    const isOpen = await Promise.race([current.now.open.then(() => true), current.now.closed.then(() => false)])
    if (isOpen) options.tell(`port ${options.localPort} is forwarded again`)
    isDown &&= !isOpen
  }
}

interface Attempt {
  /** The port on which kubectl listens, once it does. Never settles where it never does. */
  open: Promise<number>
  /** What kubectl said last, once it has ended. */
  closed: Promise<string>
}

function attempt({ place, service, servicePort }: ForwardOptions, signal: AbortSignal): Attempt {
  const [file, ...args] = kubectl(place, 'port-forward', '--address=127.0.0.1', `service/${service}`, `:${servicePort}`)
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
