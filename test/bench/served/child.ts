import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { asObject } from '../../../src/kube/client/parse.ts'
import { usageOf } from '../stage/machine.ts'
import type { Shipped } from '../stage/shipped.ts'

/** A part of the operator that serves in its own process, without a cluster. */
export class Served {
  readonly #child: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static start(program: string, args: readonly string[], { flags, environment }: Shipped): Promise<Served> {
    const env = { ...process.env, ...environment }
    const child = fork(join(import.meta.dirname, program), args, { execArgv: [...flags], env })
    return new Promise((resolve, reject) => {
      child.once('message', (message: unknown) => resolve(new Served(child, Number(asObject(message)['port']))))
      child.once('exit', () => reject(new Error(`${program} ended before it was ready`)))
    })
  }

  command(count: number): void {
    this.#child.send({ count })
  }

  usage(): ReturnType<typeof usageOf> {
    return usageOf(this.#child.pid ?? 0)
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** In the child: reports its port. */
export function ready(port: number): void {
  process.send?.({ port })
}

/** In the child: calls the function with the number of each command. */
export function onCommand(handler: (count: number) => void): void {
  process.on('message', (message: unknown) => handler(Number(asObject(message)['count'])))
}

/** In the child: the port chosen by the system. */
export function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen')
  return address.port
}
