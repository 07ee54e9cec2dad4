import type { Readable } from 'node:stream'
import { abortable } from '../../kube/runtime/signals.ts'

/** Takes the first so many bytes, or a few more, from a log that goes on behind them. The log is ended with the signal. */
export async function takeBeginning(log: Readable, bytes: number, signal: AbortSignal): Promise<Buffer> {
  const taken: Uint8Array[] = []
  let length = 0
  const take = async (): Promise<Buffer> => {
    const chunks: AsyncIterable<Uint8Array> = log.iterator({ destroyOnReturn: false })
    for await (const chunk of chunks) {
      taken.push(chunk)
      length += chunk.length
      if (length >= bytes) break
    }
    return Buffer.concat(taken)
  }
  try {
    return await abortable(take(), signal)
  } catch (error) {
    log.destroy()
    throw error
  }
}
