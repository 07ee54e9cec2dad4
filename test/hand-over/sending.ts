import { gzipSync } from 'node:zlib'
import { encodeFrame } from '../../src/api/frame.ts'
import { MESSAGE_TYPE } from '../../src/http/input/body-limit.ts'
import { type Answer, call } from '../site/calls/call.ts'
import { TOKEN } from '../site/site.ts'

/** The facts of a job that a proxy runner hands over: the ids are GitHub's, so each is a separate job. */
export function factsOf(jobId: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const message = { runnerVersion: '2.336.0', serverUrl: 'https://github.com' }
  return { jobId, runId: '789012', repository: 'owner/repo', runnerName: 'proxy-1', message, ...more }
}

/** A frame with this text as a new job, packed. */
export function pack(text: string): Buffer {
  return gzipSync(encodeFrame(1, text))
}

/** The body of a delegation with its message. */
export function handOverBody(facts: unknown, packed: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(facts)}\n`), packed])
}

/** Delegates a job with its message. */
export function handOver(
  url: string,
  facts: unknown,
  packed: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = handOverBody(facts, packed)
  const own = { authorization: `Bearer ${TOKEN}`, 'content-type': MESSAGE_TYPE }
  return call(`${url}/api/jobs/delegate`, { method: 'POST', headers: { ...own, ...headers }, body, withinMs: 30_000 })
}
