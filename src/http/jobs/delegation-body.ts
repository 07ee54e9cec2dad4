import { delegationFields, type NewRunnerJobSpec } from '../../api/runner-job.ts'
import { nonBlank, orBlank } from '../input/blank-text.ts'
import { distinctLabels } from '../input/distinct-labels.ts'
import { badRequest } from '../http-error.ts'
import { ajv } from '../input/ajv.ts'
import { describeAjvErrors } from '../input/ajv-errors.ts'
import { given, orNull } from '../input/optional-field.ts'

const { repository, runAttempt, workflow, runnerName, sha, ref, eventName, actor, labels } = delegationFields

/** An attempt as text, as in GitHub's own variables. */
const ATTEMPT_TEXT = '^([1-9][0-9]{0,3}|10000)$'

/**
 * Schema of POST /api/jobs/delegate. Ids and the attempt may be strings or numbers; unknown fields are ignored.
 */
export const delegationBody = {
  type: 'object',
  required: ['jobId', 'runId', 'repository'],
  properties: {
    repository,
    runId: textOrNumber('runId'),
    jobId: textOrNumber('jobId'),
    runAttempt: { ...runAttempt, type: ['integer', 'string', 'null'], pattern: orBlank(ATTEMPT_TEXT) },
    workflow: orNull(workflow),
    runnerName: orNull(runnerName),
    sha: orNull({ ...sha, pattern: orBlank(sha.pattern) }),
    ref: orNull(ref),
    eventName: orNull(eventName),
    actor: orNull(actor),
    labels: orNull({
      ...labels,
      items: nonBlank(labels.items),
      description:
        `${labels.description} Case is ignored: of labels that differ in case alone the first counts. Blanks around a ` +
        'label are removed.',
    }),
  },
} as const

/** A GitHub id, as a string or as a number that JSON represents exactly. */
export function textOrNumber(field: 'jobId' | 'runId') {
  const number = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
  return {
    description: delegationFields[field].description,
    anyOf: [nonBlank(delegationFields[field]), number],
  } as const
}

const optionalTexts = ['workflow', 'runnerName', 'sha', 'ref', 'eventName', 'actor'] as const
type OptionalText = (typeof optionalTexts)[number]
type Body = { [K in OptionalText]?: string | null } & {
  jobId: string | number
  runId: string | number
  repository: string
  runAttempt?: number | string | null
  labels?: string[] | null
}

const isBody = ajv.compile<Body>(delegationBody)

/** Parses a delegation; 400 names every invalid field and the reason. */
export function parseDelegation(body: unknown): NewRunnerJobSpec {
  if (!isBody(body)) throw badRequest(describeAjvErrors(isBody.errors ?? []))
  const { repository: repositoryName, jobId, runId } = body
  return {
    repository: repositoryName,
    jobId: String(jobId),
    runId: String(runId),
    ...textsOf(body),
    ...otherFacts(body),
  }
}

function textsOf(body: Body): Pick<NewRunnerJobSpec, OptionalText> {
  const texts: { -readonly [K in OptionalText]?: string } = {}
  for (const field of optionalTexts) {
    const value = given(body[field])
    if (value !== undefined) texts[field] = value
  }
  return texts
}

function otherFacts(body: Body): Pick<NewRunnerJobSpec, 'runAttempt' | 'labels'> {
  const attempt = given(body.runAttempt)
  const distinct = distinctLabels(body.labels ?? [])
  return {
    ...(attempt !== undefined && { runAttempt: Number(attempt) }),
    ...(distinct.length > 0 && { labels: distinct }),
  }
}
