import { type ChildProcess, spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle } from '../../processes/bundled.ts'
import { type Usage, usageOf } from './machine.ts'
import type { Place } from './place.ts'
import type { Shipped } from './shipped.ts'
import type { Stage } from './stage.ts'

const root = join(import.meta.dirname, '../../..')
const app = join(root, 'build/bench/app')

/** Bundles the operator as in the image. */
export async function buildOperator(): Promise<void> {
  await bundle('src/main.ts', app)
}

/** The operator in its own process, as in its pod. */
export class Operator {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('exit', resolve))
  }

  /** `settings` are environment variables, as the operator's `--help` lists them. */
  static async start(
    { server }: Stage,
    place: Place,
    { flags, environment }: Shipped,
    settings: Record<string, string> = {},
  ): Promise<Operator> {
    const log = await open(join(root, 'build/bench/operator.log'), 'a')
    const { hostname, port } = new URL(server)
    const env = {
      ...environment,
      POD_NAMESPACE: place.namespace,
      POD_NAME: 'runnerhub-bench',
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      SERVICE_ACCOUNT_DIRECTORY: place.serviceAccountDirectory,
      HTTP_PORT: '0',
      REALTIME_PORT: '0',
      // The stand-in kubelet has no logs.
      LOG_ARCHIVE: 'none',
      ...settings,
    }
    const stdio: ['ignore', number, number] = ['ignore', log.fd, log.fd]
    const child = spawn(process.execPath, [...flags, join(app, 'dist/main.js')], { env, stdio })
    await log.close()
    return new Operator(child)
  }

  usage(): Promise<Usage> {
    return usageOf(this.#child.pid ?? 0)
  }

  /** Waits for a promise; rejects if the process ends meanwhile. */
  async during<R>(wanted: Promise<R>): Promise<R> {
    const died = this.#ended.then(() => Promise.reject(new Error('the operator ended: see build/bench/operator.log')))
    return await Promise.race([wanted, died])
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}
