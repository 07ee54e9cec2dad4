import type { kinds } from '../../../src/api/crd.ts'
import { REPOSITORY_PATTERN, text as textSchema } from '../../../src/api/fields.ts'
import { REASON_PATTERN } from '../../../src/api/reasons.ts'
import { delegationFields, jobMessage } from '../../../src/api/runner-job.ts'
import { runnerPoolSpec } from '../../../src/api/runner-pool.ts'
import type { Schema } from '../../../src/api/schema.ts'

export type Kind = (typeof kinds)[number]

/** Descriptions of the patterns. */
const forms = new Map<string, string>([
  [textSchema(1, '').pattern, 'no control characters'],
  [REPOSITORY_PATTERN, '`owner/name`'],
  [REASON_PATTERN, 'one CamelCase word'],
  [delegationFields.sha.pattern, '6 to 64 hex digits'],
  [jobMessage.properties.id.pattern, '1 to 16 lower-case letters and digits'],
  [jobMessage.properties.runnerVersion.pattern, 'two to four numbers with dots between them'],
  [jobMessage.properties.serverUrl.pattern, 'an HTTP URL'],
  [runnerPoolSpec.properties.worker.properties.runnerDirectory.pattern, 'an absolute path'],
  [runnerPoolSpec.properties.repositories.items.pattern, '`owner/name`, each part with any number of `*`'],
])

/** The rows of fields in a page, `| path | type | default | limits | meaning |`, without their meanings. */
export function documentedRows(page: string): string[] {
  const rows = page.matchAll(/^(\| `(?:spec|status)\.[^`]*` \| [a-z].*\|) [^|]+ \|$/gm)
  return [...rows].map(([, fields = '']) => fields)
}

/** The words that a section explains: the first cells of its table. */
export function wordsOf(section: string): string[] {
  return [...section.matchAll(/^\| `([A-Z]\w+)` \|/gm)].map(([, word = '']) => word)
}

/** The text under a heading of the second level. */
export function sectionOf(page: string, heading: string): string {
  const found = page.split(/^## /m).find((section) => section.startsWith(`${heading}\n`))
  if (found === undefined) throw new Error(`the page has no heading "## ${heading}"`)
  return found
}

/** The rows that the page of a kind must have, without their meanings. */
export function requiredRows({ spec, status }: Kind): string[] {
  return [...fieldsIn('spec', spec), ...fieldsIn('status', status)]
}

function fieldsIn(path: string, parent: Schema): string[] {
  return Object.entries(parent.properties ?? {}).flatMap(([name, schema]) => {
    const items = schema.type === 'array' ? schema.items : undefined
    const inner = items === undefined ? `${path}.${name}` : `${path}.${name}[]`
    const cells = [
      `\`${path}.${name}\``,
      items === undefined ? schema.type : `${items.type}[]`,
      defaultOf(name, schema, parent),
      limitsOf(name, schema, parent),
    ]
    return [
      `${cells.map((cell) => (cell === '' ? '|' : `| ${cell}`)).join(' ')} |`,
      ...fieldsIn(inner, items ?? schema),
    ]
  })
}

function defaultOf(name: string, schema: Schema, parent: Schema): string {
  const { default: ofParent } = parent
  const value = schema.default ?? (isRecord(ofParent) ? ofParent[name] : undefined)
  return value === undefined ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function limitsOf(name: string, schema: Schema, parent: Schema): string {
  const isImmutable = (schema['x-kubernetes-validations'] ?? []).some(({ message }) =>
    message.startsWith(`${name} is immutable: `),
  )
  const ofItems = schema.items === undefined ? [] : valueLimits(schema.items).map((limit) => `each: ${limit}`)
  return [
    ...(parent.required?.includes(name) ? ['required'] : []),
    ...(isImmutable ? ['immutable'] : []),
    ...valueLimits(schema),
    ...ofItems,
  ].join('; ')
}

function valueLimits(schema: Schema): string[] {
  if (schema.format === 'date-time') return ['RFC 3339']
  const { minLength, maxLength, minimum, maximum, maxItems, pattern } = schema
  return [
    ...(schema.enum === undefined ? [] : [schema.enum.map((word) => `\`${word}\``).join(', ')]),
    ...range(minLength, maxLength, ' characters'),
    ...range(minimum, maximum, ''),
    ...range(undefined, maxItems, ' items'),
    ...(pattern === undefined ? [] : [formOf(pattern)]),
    ...(schema['x-kubernetes-preserve-unknown-fields'] === true ? ['any fields'] : []),
  ]
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  const [from, to] = [least, most].map((value) => value?.toLocaleString('en'))
  if (to === undefined) return from === undefined ? [] : [`at least ${from}${unit}`]
  return [from === undefined ? `at most ${to}${unit}` : `${from} to ${to}${unit}`]
}

function formOf(pattern: string): string {
  const form = forms.get(pattern)
  if (form === undefined) throw new Error(`say in test/unit/api/spec-page.ts what the pattern ${pattern} asks for`)
  return form
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
