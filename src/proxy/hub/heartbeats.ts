import { pathTo } from '../../client/address.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import { isTemporary } from './delegation.ts'
import { type Hub, wordsOf } from './hub.ts'

export interface HeartbeatOptions {
  hub: Hub
  clock: Clock
  /** Name of the runner; without one there is nobody to be missed. */
  name: string | undefined
  everyMs: number
  /** Takes a line for stdout. */
  say: (text: string) => void
}

/** Sends heartbeats of this proxy until aborted. The hub stops the job of a proxy that it does not hear. */
export async function sendHeartbeats(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  const { hub, clock, name, everyMs, say } = options
  if (name === undefined) return
  const path = pathTo('heartbeat', { path: { name } })
  const body = { type: 'application/json', bytes: Buffer.from('{}') }
  // The delegation was the first one.
  let delayMs = everyMs
  while (!signal.aborted) {
    await clock.sleep(delayMs, signal).catch(() => {})
    if (signal.aborted) return
    delayMs = everyMs
    try {
      await hub.call(path, { method: 'POST', body }, signal)
    } catch (error) {
      if (isTemporary(error)) delayMs = everyMs / 4
      else say(`the hub takes no heartbeat: ${wordsOf(error)}`)
    }
  }
}
