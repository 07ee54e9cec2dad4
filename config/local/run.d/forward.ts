import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Place, askKubectl, kubectl } from './kubectl.ts'
import { relay, type Target } from './relay.ts'

/** A port of this machine that is forwarded to a Service of the cluster. */
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
  report: (message: string) => void
  /** Whether the cluster's network is on this machine: then Services are reached directly, if possible. */
  isLocal?: boolean
}

const pauseMs = 500

/** Delay before the next attempt. */
const waitMs = 50

/** Time limit for a connection to a Service on this machine. */
const connectMs = 1000

/**
 * Forwards a port until the signal, and keeps it open when single connections or pods end. If this machine can reach the
 * Service, connections go there; else through kubectl, which forwards to one pod and ends with that pod, or when a client
 * resets its connection: it is restarted at once, and new connections wait for it.
 * Resolves when the port can be used; rejects if the first attempt ends at once.
 */
export async function forward(options: ForwardOptions, signal: AbortSignal): Promise<Forward> {
  const direct = options.isLocal === true ? await serviceAddress(options, signal) : undefined
  if (direct !== undefined) {
    const { port, closed } = await relay({ port: options.localPort, target: async () => direct }, signal)
    return { port, ended: closed }
  }
  const first = attempt(options, signal)
  const opened = first.closed.then((message) => Promise.reject(new Error(message)))
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

/** The port of the current attempt, or of the next successful one. */
async function openPort(current: { now: Attempt }, signal: AbortSignal): Promise<number> {
  for (;;) {
    const { open, closed } = current.now
    const port = await Promise.race([closed.then(() => undefined), open])
    if (port !== undefined) return port
    await sleep(waitMs, undefined, { signal })
  }
}

/** The address of a Service, if it accepts connections from this machine. */
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
    const reason = await current.now.closed
    // Ctrl-C goes to kubectl too, which may be the first to end.
    if (isDown || signal.aborted) await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    if (!isDown) options.report(`port ${options.localPort} lost its pod, forwarding it again (${reason})`)
    isDown = true
    current.now = attempt(options, signal)
    const isOpen = await Promise.race([current.now.open.then(() => true), current.now.closed.then(() => false)])
    if (isOpen) options.report(`port ${options.localPort} is forwarded again`)
    isDown &&= !isOpen
  }
}

interface Attempt {
  /** The port on which kubectl listens. Never settles if kubectl never listens. */
  open: Promise<number>
  /** The last error output of kubectl, once it has ended. */
  closed: Promise<string>
}

function attempt({ place, service, servicePort }: ForwardOptions, signal: AbortSignal): Attempt {
  const [file, ...args] = kubectl(place, 'port-forward', '--address=127.0.0.1', `service/${service}`, `:${servicePort}`)
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = (): void => void child.kill()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  let lastLine = ''
  const open = new Promise<number>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
  })
  createInterface(child.stderr).on('line', (line) => (lastLine = line))
  const closed = once(child, 'close').then(
    () => lastLine,
    (error: unknown) => String(error),
  )
  return { open, closed: closed.finally(() => signal.removeEventListener('abort', stop)) }
}
