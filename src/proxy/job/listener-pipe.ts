import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { BadFrame, type Frame, FrameDecoder, frameTypes } from '../../api/frame.ts'

/** The pipe on which the Listener hands over a job, and after it at most a request to cancel it. */
export interface ListenerPipe {
  /** The frame of the job. Rejects with BadFrame, or where the pipe ends before the frame. */
  readonly job: Promise<Frame>
  /** Aborted once the job is to end: GitHub cancels it, or the runner or its machine shuts down. */
  readonly cancelled: AbortSignal
  /** Aborted once the Listener is gone. */
  readonly gone: AbortSignal
}

/** Opens an inherited descriptor by its number. A read of it as a file would hold up the end of the process. */
export function openPipe(descriptor: number): Readable {
  return new Socket({ fd: descriptor, readable: true, writable: false })
}

/** Reads the pipe from now on, since the Listener waits 30 seconds for its frame to be taken, and no longer. */
export function readPipe(pipe: Readable): ListenerPipe {
  const decoder = new FrameDecoder()
  const cancelled = new AbortController()
  const gone = new AbortController()
  const job = new Promise<Frame>((resolve, reject) => {
    let isFirst = true
    const take = (frame: Frame): void => {
      if (!isFirst) return cancelled.abort()
      isFirst = false
      if (frame.type === frameTypes.newJob) resolve(frame)
      else reject(new BadFrame(`the runner sent a frame of type ${frame.type} in place of a job`))
    }
    pipe.on('data', (piece: Buffer) => {
      try {
        decoder.push(piece).forEach(take)
      } catch (error) {
        // A bad frame after the job does not end the job.
        reject(error)
        pipe.destroy()
      }
    })
    const end = (): void => {
      gone.abort()
      reject(new BadFrame('the runner closed its pipe before it had sent a whole job'))
    }
    pipe.on('error', end).on('close', end)
  })
  return { job, cancelled: cancelled.signal, gone: gone.signal }
}
