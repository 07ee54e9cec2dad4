import { readFile } from 'node:fs/promises'
import { asObject } from '../../../src/kube/client/parse.ts'
import { manifests } from '../../site/manifests.ts'

/** The settings of an installed operator. */
export interface Shipped {
  /** For Node.js. */
  flags: string[]
  environment: Record<string, string>
}

/** The settings of the image, and Node.js's heap limit under the Deployment's memory limit. */
export async function readShipped(): Promise<Shipped> {
  const dockerfile = lastStage(await readFile(new URL('../../../Dockerfile', import.meta.url), 'utf8'))
  const entrypoint: unknown = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]')
  const flags = Array.isArray(entrypoint) ? entrypoint.map(String).filter((word) => word.startsWith('--')) : []
  return { flags: [...flags, await heapFlag()], environment: environmentOf(dockerfile) }
}

function lastStage(dockerfile: string): string {
  return dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
}

function environmentOf(dockerfile: string): Record<string, string> {
  const settings = [...dockerfile.matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) => line.trim().split(/\s+/))
  return Object.fromEntries(settings.map((setting) => [setting.split('=')[0] ?? '', setting.split('=')[1] ?? '']))
}

/** In a container Node.js limits its old space to half of the memory limit; here it would use the machine's memory. */
async function heapFlag(): Promise<string> {
  const [deployment] = await manifests('config/manifests/deployment.yaml')
  const template = asObject(asObject(deployment?.['spec'])['template'])
  const containers = asObject(template['spec'])['containers']
  const [container] = Array.isArray(containers) ? containers.map(asObject) : []
  const limits = asObject(asObject(container?.['resources'])['limits'])
  const mebibytes = /^(\d+)Mi$/.exec(String(limits['memory']))?.[1]
  if (mebibytes === undefined) throw new TypeError('the Deployment has no memory limit in Mi')
  return `--max-old-space-size=${Number(mebibytes) / 2}`
}
