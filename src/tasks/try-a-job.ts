import { readFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import type { Log } from '../kube/log.ts'
import { record } from '../kube/parse.ts'

export interface TrialOptions {
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

/** Delegates a job as a proxy runner does, follows its log to the end, and checks that it ran. */
export async function tryAJob({ log, url, tokenFile, labels }: TrialOptions, signal: AbortSignal): Promise<void> {
  const token = (await readFile(tokenFile, 'utf8')).trim()
  const call = async (method: string, path: string, body?: object): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(new URL(path, url), {
      method,
      headers,
      signal,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new TrialFailed(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  const facts = { jobId: randomUUID(), runId: 'trial', repository: 'runnerhub/trial', workflow: 'trial', labels }
  const delegated: unknown = await (await call('POST', '/api/jobs/delegate', { ...facts, runnerName: 'trial' })).json()
  const id = String(record(record(delegated)['data'])['delegationId'])
  log.info({ id }, 'delegated; following its log')
  const text = await (await call('GET', `/api/jobs/${id}/logs?follow=true`)).text()
  const detail: unknown = await (await call('GET', `/api/jobs/${id}`)).json()
  const { status, metadata } = record(record(detail)['data'])
  if (status !== 'completed') throw new TrialFailed(`the job is ${String(status)}: ${JSON.stringify(metadata)}`)
  if (text.trim() === '') throw new TrialFailed('the job has no log')
  log.info({ id, lines: text.trimEnd().split('\n').length }, 'the job is completed, and its log was read')
}
