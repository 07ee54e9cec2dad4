import { isDeepStrictEqual } from 'node:util'
import { repository } from '../../api/fields.ts'
import { proxyKey } from '../../api/names.ts'
import { delegationFields } from '../../api/runner-job.ts'
import { type Runner, runners, runnerSpec } from '../../api/runner.ts'
import { leaseOf, type ProxyFacts, registerProxy, renewProxy } from '../../cluster/proxies.ts'
import { isDue, presenceOf } from '../../domain/proxy/presence.ts'
import { Conflict } from '../../kube/client/errors.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import { nonBlank, orBlank } from '../input/blank-text.ts'
import type { FacadeDeps } from '../context.ts'
import { clusterUnavailable } from '../errors-to-http.ts'
import { distinctLabels } from '../input/distinct-labels.ts'
import { badRequest, HttpError } from '../http-error.ts'
import { ajv } from '../input/ajv.ts'
import { describeAjvErrors } from '../input/ajv-errors.ts'
import { given, orNull } from '../input/optional-field.ts'

/** Schema of the name in the path of a heartbeat. */
export const runnerName = nonBlank(runnerSpec.properties.displayName)

/** Schema of POST /api/runners/:name/heartbeat. The body is optional; unknown fields are ignored. */
export const heartbeatBody = {
  type: 'object',
  properties: {
    labels: orNull({ ...delegationFields.labels, items: nonBlank(delegationFields.labels.items) }),
    repository: orNull({ ...repository, pattern: orBlank(repository.pattern) }),
  },
} as const

interface Body {
  labels?: string[] | null
  repository?: string | null
}

const isBody = ajv.compile<Body>(heartbeatBody)
const isName = ajv.compile<string>(runnerName)

/** Parses a heartbeat; 400 names every invalid field and the reason. */
export function parseHeartbeat(name: string, body: unknown = {}): ProxyFacts {
  if (!isName(name)) throw badRequest(`the runner's ${describeAjvErrors(isName.errors ?? [], 'name')}`)
  if (!isBody(body)) throw badRequest(describeAjvErrors(isBody.errors ?? []))
  const labels = body.labels ?? undefined
  const repositoryName = given(body.repository)
  return {
    displayName: name,
    ...(labels !== undefined && { labels: distinctLabels(labels) }),
    ...(repositoryName !== undefined && { repository: repositoryName }),
  }
}

export interface HeartbeatResult {
  runner: Runner
  /** The runner was not known before. */
  isNew: boolean
  /** The heartbeat was written to the API server; most need no write. */
  isWritten: boolean
}

/** Retry-After at the limit of proxy runners. */
const FULL_RETRY_SECONDS = '300'

/** Applies a heartbeat. Registers an unknown proxy runner; 429 if the limit is reached. */
export async function heartbeat(deps: FacadeDeps, facts: ProxyFacts, signal: AbortSignal): Promise<HeartbeatResult> {
  const { caches, namespace, clock, heartbeatMs } = deps
  const key = proxyKey(namespace, facts.displayName)
  const known = caches.runners.get(key)
  const { runner, isNew } =
    known === undefined ? await register(deps, key, facts, signal) : { runner: known, isNew: false }
  const changed = await withFacts(deps, runner, facts, signal)
  const at = clock.now()
  const lease = leaseOf(caches, runner)
  const isFresh = lease !== undefined && !isDue(presenceOf(runner, lease.spec, heartbeatMs), at.getTime(), heartbeatMs)
  if (!isFresh) await renewProxy(deps, changed, { at, heartbeatMs }, signal)
  return { runner: changed, isNew, isWritten: isNew || !isFresh || changed !== runner }
}

async function register(deps: FacadeDeps, key: string, facts: ProxyFacts, signal: AbortSignal) {
  if (deps.caches.runners.indexSize('type', 'Proxy') >= deps.maxProxies) {
    const headers = { 'Retry-After': FULL_RETRY_SECONDS }
    throw new HttpError(429, 'TooManyRunners', `${deps.maxProxies} proxy runners are registered already`, headers)
  }
  return registerProxy(deps, key, facts, signal)
}

/** Each attempt loses to another writer of the same Runner. */
const MAX_ATTEMPTS = 5

/** Updates the labels and the repository of a Runner; fields that the heartbeat lacks are kept. */
async function withFacts(deps: FacadeDeps, known: Runner, facts: ProxyFacts, signal: AbortSignal): Promise<Runner> {
  const { client, caches } = deps
  const wanted = (runner: Runner): Runner => ({ ...runner, spec: { ...runner.spec, ...facts } })
  if (isDeepStrictEqual(wanted(known), known)) return known
  let runner = known
  for (let attempt = 1; ; attempt++) {
    try {
      const written = await client.replace(runners, wanted(runner), signal)
      caches.runners.applyOwn(written)
      return written
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      if (attempt === MAX_ATTEMPTS) throw clusterUnavailable()
      runner = await client.get(runners, splitKey(proxyKey(deps.namespace, facts.displayName)), signal)
    }
  }
}
