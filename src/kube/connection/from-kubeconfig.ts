import { type Clock, systemClock } from '../runtime/clock.ts'
import type { Connection } from './connection.ts'
import { Refreshing, rereadMs } from './refreshing.ts'

/**
 * The connection of a kubeconfig: client certificates, tokens, exec plugins, proxies. Without a path the default
 * locations are searched. The library that reads it is large: it is loaded only here, and the image omits it.
 */
export async function fromKubeconfig(
  path: string | undefined,
  context?: string,
  clock: Clock = systemClock,
): Promise<Connection> {
  const { readKubeconfig } = await import('./kubeconfig.ts').catch(explainMissingModule)
  const first = readKubeconfig(path, context)
  // Parse again each time: the library caches an exec plugin's token until its expiry, even a rejected one.
  const access = new Refreshing(() => readKubeconfig(path, context).credentials(), rereadMs, clock)
  return { ...first.endpoint, credentials: (refused) => access.get(refused) }
}

function explainMissingModule(error: unknown): never {
  const isMissing = error instanceof Error && Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'
  if (!isMissing) throw error
  const problem = 'cannot use a kubeconfig: the library that reads it is not part of the image'
  throw new TypeError(`${problem}; run in a pod with a service account, or from the sources`, { cause: error })
}
