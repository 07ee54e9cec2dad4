import { Ajv } from 'ajv'
import { repository } from '../api/fields.ts'
import { delegationFields } from '../api/runner-job.ts'
import { runnerSpec } from '../api/runner.ts'
import type { ProxyFacts } from '../cluster/proxies.ts'
import { explain } from './explain.ts'
import { badRequest } from './http-error.ts'

/** Schema of POST /api/runners/:name/heartbeat, whose body may be left out. Unknown fields are ignored. */
export const heartbeatBody = {
  type: 'object',
  properties: { labels: delegationFields.labels, repository },
} as const

type Body = Omit<ProxyFacts, 'displayName'>

const ajv = new Ajv({ strict: false, allErrors: true })
const isBody = ajv.compile<Body>(heartbeatBody)
const isName = ajv.compile<string>(runnerSpec.properties.displayName)

/** Parses who says that it is there, and what else it says, if anything; 400 with every bad field and why. */
export function parseHeartbeat(name: string, body: unknown = {}): ProxyFacts {
  if (!isName(name)) throw badRequest(`the runner's name ${isName.errors?.[0]?.message ?? 'is bad'}`)
  if (!isBody(body)) throw badRequest(explain(isBody.errors ?? []))
  const { labels, repository: named } = body
  return {
    displayName: name,
    ...(labels !== undefined && { labels }),
    ...(named !== undefined && { repository: named }),
  }
}
