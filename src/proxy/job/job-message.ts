import { delegationFields, jobMessage } from '../../api/runner-job.ts'
import { elementsOf, fieldsOf, parsed } from '../../api/json.ts'
import { textOf } from '../json.ts'

/** The facts of a delegation, as the job's message has them. */
export interface JobFacts {
  /** The GUID of the job: the legs of a matrix share every other id. */
  jobId: string
  runId: string
  repository: string
  runAttempt?: number
  workflow?: string
  sha?: string
  ref?: string
  eventName?: string
  actor?: string
  /** Key of the job in its workflow. */
  job?: string
  serverUrl?: string
}

/** The message of a job lacks what a delegation needs. Says which field, never what is in the message. */
export class BadJobMessage extends Error {
  override name = 'BadJobMessage'
}

/**
 * Reads the facts of a job from its message. The Listener writes names like `contextData`, other senders `ContextData`;
 * both are read. A value that the hub would not take is cut, or left out where it is optional.
 */
export function factsOf(text: string): JobFacts {
  const message = parsed(text.replace(/^\uFEFF/, ''))
  if (fieldsOf(message) !== message) throw new BadJobMessage("the runner's message is no JSON object")
  const github = scalarsOf(either(either(message, 'contextData'), 'github'))
  const runAttempt = wholeNumber(github['run_attempt'])
  const optional = {
    runAttempt: runAttempt !== undefined && runAttempt >= 1 && runAttempt <= 10_000 ? runAttempt : undefined,
    workflow: clean(github['workflow'], delegationFields.workflow.maxLength),
    sha: matching(github['sha'], delegationFields.sha.pattern),
    ref: clean(github['ref'], delegationFields.ref.maxLength),
    eventName: clean(github['event_name'], delegationFields.eventName.maxLength),
    actor: clean(github['actor'], delegationFields.actor.maxLength),
    job: clean(github['job'], 256),
    serverUrl: matching(github['server_url'], jobMessage.properties.serverUrl.pattern),
  }
  return {
    jobId: needed('jobId', either(message, 'jobId')),
    // Each run has a separate plan; servers other than GitHub's name only the plan.
    runId: needed('contextData.github.run_id', github['run_id'] ?? either(either(message, 'plan'), 'planId')),
    repository: needed('contextData.github.repository', github['repository']),
    ...withoutUndefined(optional),
  }
}

/** A field by its name, as it is or with a capital letter. */
function either(value: unknown, name: string): unknown {
  const fields = fieldsOf(value)
  return fields[name] ?? fields[`${name.charAt(0).toUpperCase()}${name.slice(1)}`]
}

/**
 * The texts, numbers and booleans of a map in the context data, which has no `d` where it is empty. Maps and lists in it
 * are left out: none is a fact, and the event may be long and deep.
 */
function scalarsOf(map: unknown): Record<string, unknown> {
  const entries = elementsOf(either(map, 'd'))
  return Object.fromEntries(entries.map((entry) => [String(either(entry, 'k')), scalarOf(either(entry, 'v'))]))
}

/** A value of the context data. The Listener writes texts, numbers and booleans as they are; a type `t` names the others. */
function scalarOf(value: unknown): unknown {
  if (typeof value !== 'object') return value
  switch (either(value, 't') ?? 0) {
    case 0:
      return either(value, 's')
    case 3:
      return either(value, 'b')
    case 4:
      return either(value, 'n')
    default:
      return undefined
  }
}

function needed(name: string, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : textOf(value)
  if (text === undefined) throw new BadJobMessage(`the runner's message has no ${name}`)
  return text
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}

/** A text of one line, of at most so many characters. */
function clean(value: unknown, maxLength: number): string | undefined {
  const text = textOf(value)?.replaceAll(/\p{Cc}/gu, ' ') ?? ''
  return textOf(Array.from(text).slice(0, maxLength).join(''))
}

function matching(value: unknown, pattern: string): string | undefined {
  const text = textOf(value)
  return text !== undefined && new RegExp(pattern, 'u').test(text) ? text : undefined
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(fields: T): Defined<T>
function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
