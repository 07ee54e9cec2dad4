import { randomBytes } from 'node:crypto'
import { eventually } from '../observe/eventually.ts'
import { command } from '../processes/command.ts'

/** The script of a pod that checks DNS and the API's Service. */
export const networkCheck =
  'getent hosts kubernetes.default.svc.cluster.local && exec 3<>/dev/tcp/kubernetes.default/443 && echo service answers'

/** Pods of one image in the cluster of one kubeconfig. */
export class Pods {
  readonly #kubeconfig: string
  readonly #image: string

  constructor(kubeconfig: string, image: string) {
    this.#kubeconfig = kubeconfig
    this.#image = image
  }

  kubectl(...args: string[]): Promise<string> {
    return command('kubectl', '--kubeconfig', this.#kubeconfig, '--request-timeout=20s', ...args)
  }

  /** Runs a script in a pod to its end and returns its output; fails unless it succeeds. */
  async run(script: string, image = this.#image): Promise<string> {
    return this.#outputOf(await this.start(script, image))
  }

  /** The same with the image's own command. */
  async runEntrypoint(...args: string[]): Promise<string> {
    return this.#outputOf(await this.#create(this.#image, '--', ...args))
  }

  async start(script: string, image = this.#image): Promise<string> {
    return this.#create(image, '--command', '--', 'bash', '-c', script)
  }

  async isRunning(name: string): Promise<boolean> {
    return (await this.field(name, '{.status.phase}')) === 'Running'
  }

  /** Another id means that the container was restarted. */
  containerId(name: string): Promise<string> {
    return this.field(name, '{.status.containerStatuses[0].containerID}')
  }

  async remove(name: string): Promise<void> {
    await this.kubectl('delete', 'pod', name, '--force', '--grace-period=0', '--ignore-not-found')
  }

  field(name: string, path: string): Promise<string> {
    return this.kubectl('get', 'pod', name, '-o', `jsonpath=${path}`)
  }
  async #create(image: string, ...args: string[]): Promise<string> {
    const name = `cluster-test-${randomBytes(4).toString('hex')}`
    const flags = [`--image=${image}`, '--image-pull-policy=Never', '--restart=Never']
    await this.kubectl('run', name, ...flags, ...args)
    return name
  }

  async #outputOf(name: string): Promise<string> {
    const phase = await eventually(
      async () => {
        const now = await this.field(name, '{.status.phase}')
        return now === 'Succeeded' || now === 'Failed' ? now : undefined
      },
      { withinMs: 60_000, everyMs: 200, what: `pod ${name} ends` },
    )
    const output = await this.kubectl('logs', name)
    if (phase === 'Failed') throw new Error(`pod ${name} failed: ${output}`)
    await this.remove(name)
    return output
  }
}
