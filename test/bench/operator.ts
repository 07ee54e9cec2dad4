import { type ChildProcess, spawn } from 'node:child_process'
import { copyFile, mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../command.ts'
import { type Usage, usageOf } from './machine.ts'
import type { Place } from './place.ts'
import type { Stage } from './stage.ts'

const root = join(import.meta.dirname, '../..')
const app = join(root, 'build/bench/app')

/** Compiles the operator as the image has it, and tells the image's flags for Node.js. */
export async function buildOperator(): Promise<string[]> {
  await mkdir(app, { recursive: true })
  const project = join(root, 'config/tsconfig.build.json')
  await command(join(root, 'node_modules/.bin/tsc'), '--project', project, '--outDir', join(app, 'dist'))
  await copyFile(join(root, 'package.json'), join(app, 'package.json'))
  return imageFlags(await readFile(join(root, 'Dockerfile'), 'utf8'))
}

/** What stands in the image's ENTRYPOINT between node and its program. */
function imageFlags(dockerfile: string): string[] {
  const words: unknown = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]')
  return Array.isArray(words) ? words.map(String).filter((word) => word.startsWith('--')) : []
}

/** The operator as a process of its own, as it runs in its pod. */
export class Operator {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('exit', resolve))
  }

  static async start({ server }: Stage, place: Place, flags: readonly string[]): Promise<Operator> {
    const log = await open(join(root, 'build/bench/operator.log'), 'a')
    const { hostname, port } = new URL(server)
    const env = {
      NODE_ENV: 'production',
      POD_NAMESPACE: place.namespace,
      POD_NAME: 'runnerhub-bench',
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      SERVICE_ACCOUNT_DIRECTORY: place.serviceAccountDirectory,
      HTTP_PORT: '0',
      REALTIME_PORT: '0',
    }
    const stdio: ['ignore', number, number] = ['ignore', log.fd, log.fd]
    const child = spawn(process.execPath, [...flags, join(app, 'dist/main.js')], { env, stdio })
    await log.close()
    return new Operator(child)
  }

  usage(): Promise<Usage> {
    return usageOf(this.#child.pid ?? 0)
  }

  /** Waits for something, as long as the process runs. */
  async during<R>(wanted: Promise<R>): Promise<R> {
    const died = this.#ended.then(() => Promise.reject(new Error('the operator ended: see build/bench/operator.log')))
    return await Promise.race([wanted, died])
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}
