import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { asObject } from '../kube/client/parse.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'

export interface TrialOptions {
  clock: Pick<Clock, 'sleep'>
  log: Log
  /** Of the REST API. */
  url: string
  /** Holds a token that may delegate. */
  tokenFile: string
  /** What the job asks for. */
  labels: string[]
}

/** Something is not as a user would expect it. */
class TrialFailed extends Error {
  override name = 'TrialFailed'
}

/** What may pass, as every client of the API should expect: a call that another attempt may bring through. */
class TryAgain extends Error {
  override name = 'TryAgain'
}

const AGAIN_MS = 1000

/** Delegates a job as a proxy runner does, follows its log to the end, and checks that it ran. */
export async function tryAJob(
  { clock, log, url, tokenFile, labels }: TrialOptions,
  signal: AbortSignal,
): Promise<void> {
  const token = (await readFile(tokenFile, 'utf8')).trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const insist = async <T>(attempt: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof TryAgain)) throw error
        log.warn({ why: error.message }, 'trying again')
        await clock.sleep(AGAIN_MS, signal)
      }
    }
  }
  const read = (path: string, body?: object): Promise<string> =>
    insist(() => textOf(new URL(path, url), { headers, signal, ...(body && { body: JSON.stringify(body) }) }))

  const facts = { jobId: randomUUID(), runId: 'trial', repository: 'runnerhub/trial', workflow: 'trial', labels }
  const delegated = await read('/api/jobs/delegate', { ...facts, runnerName: 'trial' })
  const id = String(dataOf(delegated)['delegationId'])
  log.info({ id }, 'delegated; following its log')
  const text = await read(`/api/jobs/${id}/logs?follow=true`)
  // Another replica may have answered, which learns of the end a moment later.
  const { status, metadata } = await insist(async () => {
    const detail = dataOf(await read(`/api/jobs/${id}`))
    if (detail['completedAt'] === null) throw new TryAgain(`the job is ${String(detail['status'])}`)
    return detail
  })
  if (status !== 'completed') throw new TrialFailed(`the job is ${String(status)}: ${JSON.stringify(metadata)}`)
  if (text.trim() === '') throw new TrialFailed('the job has no log')
  log.info({ id, lines: text.trimEnd().split('\n').length }, 'the job is completed, and its log was read')
}

/** The text of an answer; with a body in the request it is a POST. */
async function textOf(url: URL, request: RequestInit): Promise<string> {
  const method = request.body === undefined ? 'GET' : 'POST'
  const what = `${method} ${url.pathname}`
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, { ...request, method })
    text = await answer.text()
  } catch (error) {
    throw new TryAgain(`${what}: ${whyOf(error)}`, { cause: error })
  }
  if (answer.ok) return text
  const Kind = answer.status === 503 ? TryAgain : TrialFailed
  throw new Kind(`${what}: ${answer.status} ${text}`)
}

/** Fetch tells what went wrong in the cause only. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

function dataOf(text: string): Record<string, unknown> {
  const answer: unknown = JSON.parse(text)
  return asObject(asObject(answer)['data'])
}
