import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'chai'
import { parse } from 'yaml'
import { kinds } from '../../../src/api/crd.ts'
import {
  failureReasons,
  NO_OPERATOR,
  progressReasons,
  poolReasons,
  runnerReasons,
  waitingReasons,
} from '../../../src/api/reasons.ts'
import { jobPhases } from '../../../src/api/runner-job.ts'
import { runnerPhases } from '../../../src/api/runner.ts'
import { delegationEnv } from '../../../src/domain/runner/delegation-env.ts'
import { withLogCaptured } from '../../../src/domain/log/capture.ts'
import { NODE_DRAINING } from '../../../src/domain/conditions.ts'
import { statusAfter } from '../../../src/domain/job/status.ts'
import { aJob, aRunner, at } from '../../objects/builders.ts'
import { documentedRows, type Kind, requiredRows, sectionOf, wordsOf } from './spec-page.ts'

const jobReasons = new Set<string>([NO_OPERATOR, ...waitingReasons, ...progressReasons, ...failureReasons])
const pages = kinds.map((kind) => ({ kind, file: `docs/spec/v1/${kind.resource.kind.toLowerCase()}.md` }))

for (const { kind, file } of pages) {
  describe(file, () => {
    const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')
    const documented = documentedRows(text)
    const required = requiredRows(kind)

    it('has a row for each field, with its type, default and limits', () => {
      const missing = required.filter((row) => !documented.includes(row))
      expect(missing, `add these rows to ${file}, each with a meaning in its last column`).to.deep.equal([])
    })

    it('has no other row of a field', () => {
      const others = documented.filter((row) => !required.includes(row))
      expect(others, `remove these rows from ${file}, or correct them`).to.deep.equal([])
    })

    it('quotes each validation rule', () => {
      const rules = [kind.spec, kind.status].flatMap((schema) => schema['x-kubernetes-validations'] ?? [])
      const messages = [...rules, ...kind.rules].map(({ message }) => message)
      const own = messages.filter((message) => !message.includes(' is immutable: '))
      const section = sectionOf(text, 'Validation rules')
      const missing = own.filter((message) => !section.includes(`\`${message}\``))
      expect(missing, `quote these messages in ${file}, under "Validation rules"`).to.deep.equal([])
    })

    it('has examples that the schema accepts, without an unknown field', () => {
      const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, code = '']): unknown => parse(code))
      expect(examples).to.not.have.length(0)
      for (const example of examples) expect(problemsOf(kind, example)).to.equal('')
    })
  })
}

describe('docs/spec/v1/runnerjob.md', () => {
  const text = pageOf('runnerjob')

  it('explains each phase, and no other', () => {
    expect(wordsOf(sectionOf(text, 'Phases'))).to.have.members([...jobPhases])
  })

  it('explains each reason of a job, and no other', () => {
    expectWords(wordsOf(sectionOf(text, 'Reasons')), [...jobReasons], 'docs/spec/v1/runnerjob.md')
  })

  it('explains each condition, and no other', () => {
    const types = jobPhases.flatMap((phase) => {
      const move = { phase, reason: 'Running', message: '' } as const
      return (statusAfter(aJob(), move, {}, at(1)).conditions ?? []).map(({ type }) => type)
    })
    const archived = withLogCaptured([], { is: 'captured', message: '' }, { generation: 1, now: at(1) }) ?? []
    const all = new Set([...types, NODE_DRAINING, ...archived.map(({ type }) => type)])
    expect(wordsOf(sectionOf(text, 'Conditions'))).to.have.members([...all])
  })
})

describe('docs/spec/v1/runner.md', () => {
  const text = pageOf('runner')

  it('explains each phase, and no other', () => {
    expect(wordsOf(sectionOf(text, 'Phases'))).to.have.members([...runnerPhases])
  })

  it('explains each reason that only a Runner has, and no reason that does not exist', () => {
    const listed = wordsOf(sectionOf(text, 'Reasons'))
    expectWords(
      listed.filter((word) => !jobReasons.has(word)),
      [...runnerReasons],
      'docs/spec/v1/runner.md',
    )
  })
})

describe('docs/spec/v1/runnerpool.md', () => {
  it('lists each environment variable of a job', () => {
    const section = sectionOf(pageOf('runnerpool'), 'Template')
    const names = delegationEnv(aJob(), aRunner()).map(({ name }) => name)
    expect(section.match(/RUNNERHUB_\w+/g)).to.have.members(names)
  })

  it('explains no reason that does not exist', () => {
    const listed = wordsOf(sectionOf(pageOf('runnerpool'), 'Reasons'))
    expect(listed.filter((word) => !jobReasons.has(word))).to.deep.equal([...poolReasons])
  })
})

function pageOf(name: string): string {
  return readFileSync(new URL(`../../../docs/spec/v1/${name}.md`, import.meta.url), 'utf8')
}

function expectWords(listed: readonly string[], known: readonly string[], file: string): void {
  const missing = known.filter((word) => !listed.includes(word))
  expect(missing, `add a row "| \`…\` | … |" for these to ${file}, under "Reasons"`).to.deep.equal([])
  const unknown = listed.filter((word) => !known.includes(word))
  expect(unknown, `remove the rows of these from ${file}, under "Reasons"`).to.deep.equal([])
}

function problemsOf({ resource, spec, status }: Kind, example: unknown): string {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  const check = ajv.compile({
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { const: `${resource.group}/${resource.version}` },
      kind: { const: resource.kind },
      metadata: { type: 'object' },
      spec: closed(spec),
      status: closed(status),
    },
    additionalProperties: false,
  })
  return check(example) ? '' : ajv.errorsText(check.errors, { separator: '\n' })
}

/** The schema with unknown fields forbidden; the API server would drop them. */
function closed(schema: Kind['spec']): object {
  const { properties, items } = schema
  return {
    ...schema,
    ...(items !== undefined && { items: closed(items) }),
    ...(properties !== undefined && {
      additionalProperties: false,
      properties: Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, closed(each)])),
    }),
  }
}
