import { outputOf } from './program.ts'

/** A namespace of a cluster. */
export interface Place {
  kubeconfig: string
  namespace: string
}

/** The command line of a kubectl call in a namespace. */
export function kubectl({ kubeconfig, namespace }: Place, ...args: string[]): [string, ...string[]] {
  return ['kubectl', '--kubeconfig', kubeconfig, '--namespace', namespace, ...args]
}

/** The output of a kubectl call in a namespace; a failure includes all its output. */
export function askKubectl(place: Place, args: string[], signal: AbortSignal): Promise<string> {
  return outputOf(kubectl(place, ...args), signal)
}

/** The items of a `kubectl get -o json`. */
export async function listByKubectl(place: Place, args: string[], signal: AbortSignal): Promise<unknown[]> {
  const list: unknown = JSON.parse(await askKubectl(place, ['get', ...args, '--output=json'], signal))
  const items: unknown = typeof list === 'object' && list !== null ? Reflect.get(list, 'items') : undefined
  return Array.isArray(items) ? items.map((item: unknown) => item) : []
}
