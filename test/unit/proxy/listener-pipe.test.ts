import { PassThrough } from 'node:stream'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { BadFrame, encodeFrame, frameBody, frameTypes } from '../../../src/api/frame.ts'
import { readPipe } from '../../../src/proxy/job/listener-pipe.ts'

/** Cuts bytes at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

const closeOf = (source: PassThrough): Promise<unknown> => new Promise((resolve) => source.once('close', resolve))

const failureOf = async (job: Promise<unknown>): Promise<unknown> =>
  job.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('the pipe of the Listener', () => {
  it('gives the job and its cancel, however their bytes are cut', async () => {
    const places = fc.array(fc.nat(), { maxLength: 20 })
    const types = fc.constantFrom(frameTypes.cancel, frameTypes.runnerShutdown, frameTypes.osShutdown)
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), places, types, async (text, where, type) => {
        const source = new PassThrough()
        const closed = closeOf(source)
        const pipe = readPipe(source)
        const job = encodeFrame(frameTypes.newJob, text)
        for (const piece of cut(Buffer.concat([job, encodeFrame(type, '')]), where)) source.write(piece)
        source.end()
        expect(frameBody(await pipe.job)).to.equal(text)
        await closed
        expect(pipe.cancelled.aborted).to.equal(true)
        expect(pipe.gone.aborted).to.equal(true)
      }),
      { numRuns: 50 },
    )
  })

  it('cancels nothing by the job alone, nor by its end', async () => {
    const source = new PassThrough()
    const closed = closeOf(source)
    const pipe = readPipe(source)
    source.end(encodeFrame(frameTypes.newJob, '{}'))
    await pipe.job
    await closed
    expect(pipe.cancelled.aborted).to.equal(false)
    expect(pipe.gone.aborted).to.equal(true)
  })

  for (const [what, bytes, why] of [
    ['ends in the middle of the job', encodeFrame(frameTypes.newJob, 'job').subarray(0, 9), 'closed its pipe'],
    ['ends without a job', new Uint8Array(), 'closed its pipe'],
    ['begins with a cancel', encodeFrame(frameTypes.cancel, ''), 'a frame of type 2 in place of a job'],
    ['begins with no frame', Buffer.alloc(8, 0xff), 'announces a body of -1 bytes'],
  ] as const) {
    it(`has no job where it ${what}, and says so`, async () => {
      const source = new PassThrough()
      const pipe = readPipe(source)
      source.end(bytes)
      const failure = await failureOf(pipe.job)
      expect(failure).to.be.instanceOf(BadFrame)
      expect(String(failure)).to.include(why)
    })
  }

  it('keeps a job that is followed by no frame', async () => {
    const source = new PassThrough()
    const pipe = readPipe(source)
    source.write(encodeFrame(frameTypes.newJob, '{}'))
    source.write(Buffer.alloc(8, 0xff))
    expect(frameBody(await pipe.job)).to.equal('{}')
    expect(pipe.cancelled.aborted).to.equal(false)
  })
})
