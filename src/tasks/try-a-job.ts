import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { asObject } from '../kube/client/parse.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'

export interface TrialOptions {
  clock: Pick<Clock, 'sleep'>
  log: Log
  /** The base URL of the REST API. */
  url: string
  /** A file with a token that may delegate. */
  tokenFile: string
  /** The labels of the job. */
  labels: string[]
}

/** The API or the job failed where a user would expect success. */
class TrialFailed extends Error {
  override name = 'TrialFailed'
}

/** A transient failure, which every client of the API should expect: a retry may succeed. */
class TryAgain extends Error {
  override name = 'TryAgain'
}

const RETRY_MS = 1000

/** Delegates a job as a proxy runner does, follows its log to the end, and checks that it ran. */
export async function tryAJob(
  { clock, log, url, tokenFile, labels }: TrialOptions,
  signal: AbortSignal,
): Promise<void> {
  const token = (await readFile(tokenFile, 'utf8')).trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const withRetry = async <T>(attempt: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof TryAgain)) throw error
        log.warn({ why: error.message }, 'retrying')
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }
  const read = (path: string, body?: object): Promise<string> =>
    withRetry(() => textOf(new URL(path, url), { headers, signal, ...(body && { body: JSON.stringify(body) }) }))

  const facts = { jobId: randomUUID(), runId: 'trial', repository: 'runnerhub/trial', workflow: 'trial', labels }
  const delegated = await read('/api/jobs/delegate', { ...facts, runnerName: 'trial' })
  const id = String(dataOf(delegated)['delegationId'])
  log.info({ id }, 'delegated; following its log')
  const text = await read(`/api/jobs/${id}/logs?follow=true`)
  // Another replica may respond, whose cache shows the end a moment later.
  const { status, metadata } = await withRetry(async () => {
    const detail = dataOf(await read(`/api/jobs/${id}`))
    if (detail['completedAt'] === null) throw new TryAgain(`the job is ${String(detail['status'])}`)
    return detail
  })
  if (status !== 'completed') throw new TrialFailed(`the job is ${String(status)}: ${JSON.stringify(metadata)}`)
  if (text.trim() === '') throw new TrialFailed('the job has no log')
  log.info({ id, lines: text.trimEnd().split('\n').length }, 'the job is completed, and its log was read')
}

/** Sends a request, a POST if it has a body, and returns the text of the response. */
async function textOf(url: URL, request: RequestInit): Promise<string> {
  const method = request.body === undefined ? 'GET' : 'POST'
  const call = `${method} ${url.pathname}`
  let response: Response
  let text: string
  try {
    response = await fetch(url, { ...request, method })
    text = await response.text()
  } catch (error) {
    throw new TryAgain(`${call}: ${causeOf(error)}`, { cause: error })
  }
  if (response.ok) return text
  const Kind = response.status === 503 ? TryAgain : TrialFailed
  throw new Kind(`${call}: ${response.status} ${text}`)
}

/** Fetch reports the reason in the cause only. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

function dataOf(text: string): Record<string, unknown> {
  const body: unknown = JSON.parse(text)
  return asObject(asObject(body)['data'])
}
