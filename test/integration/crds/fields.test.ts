import { expect } from 'chai'
import type { KubeObject } from '../../../src/api/object.ts'
import type { Schema } from '../../../src/api/schema.ts'
import { type CrdSite, openWithCrds, type Place, placesIn, valueAt, type Verdict, withAt } from '../../objects/crds.ts'
import { patterns, samples } from './samples.ts'

// Every rule of every field of the three kinds: values just inside are accepted, values just outside are rejected.

interface Trial {
  what: string
  value: unknown
  isGood: boolean
}

/** `sample` is the value of the field in a complete object. */
function trialsOf({ schema, isRequired }: Place, sample: unknown): Trial[] {
  return [
    ...(isRequired ? [bad('absent', undefined)] : []),
    ...wrongTypes[schema.type].map((value) => bad(`of another type: ${JSON.stringify(value)}`, value)),
    ...patternTrials(schema),
    ...lengthTrials(schema),
    ...itemTrials(schema, sample),
    ...rangeTrials(schema),
    ...enumTrials(schema),
  ]
}

function good(what: string, value: unknown): Trial {
  return { what, value, isGood: true }
}

function bad(what: string, value: unknown): Trial {
  return { what, value, isGood: false }
}

const wrongTypes: Readonly<Record<Schema['type'], unknown[]>> = {
  string: [5, true, {}],
  integer: ['5', 1.5, true],
  boolean: ['true', 1],
  array: ['a', {}],
  object: ['a', []],
}

function patternTrials({ pattern, format, maxLength = 99 }: Schema): Trial[] {
  if (pattern === undefined) return []
  const known = patterns[pattern]
  if (known === undefined) throw new Error(`no samples of pattern ${pattern}`)
  const ends = format === 'date-time' ? [] : known.good.filter((text) => text.length > maxLength)
  expect(ends).to.deep.equal([])
  return [
    ...known.good.map((text) => good(`like ${JSON.stringify(text)}`, text)),
    ...known.bad.map((text) => bad(`like ${JSON.stringify(text)}`, text)),
  ]
}

/** A string of exactly this length that matches the field's pattern. */
function textOf(length: number, pattern: string | undefined): string {
  const texts = ['ü', 'o/', '/', 'https://'].map((begin) => begin.padEnd(length, begin === 'ü' ? 'ü' : 'r'))
  const text = texts.find((each) => pattern === undefined || new RegExp(pattern, 'u').test(each))
  if (text === undefined) throw new Error(`no text for pattern ${pattern}`)
  return text
}

function lengthTrials({ minLength, maxLength, pattern, format }: Schema): Trial[] {
  const trials: Trial[] = []
  if (minLength === 1) trials.push(bad('empty', ''))
  // The pattern of a time limits its length.
  if (maxLength !== undefined && format !== 'date-time') {
    trials.push(good(`${maxLength} characters long`, textOf(maxLength, pattern)))
    trials.push(bad(`${maxLength + 1} characters long`, textOf(maxLength + 1, pattern)))
  }
  return trials
}

function itemTrials({ maxItems, items, ...schema }: Schema, sample: unknown): Trial[] {
  if (maxItems === undefined) return []
  const first = valueAt(sample, [0])
  const [key = ''] = schema['x-kubernetes-list-map-keys'] ?? []
  const item = (index: number) => {
    if (items?.type === 'string') return items.enum?.[index] ?? `o/${index}`
    return withAt(first, [key], items?.properties?.[key]?.type === 'integer' ? index + 1 : `${key}${index}`)
  }
  const list = (length: number) => Array.from({ length }, (_, index) => item(index))
  return [
    good('an empty list', []),
    good(`${maxItems} items`, list(maxItems)),
    bad(`${maxItems + 1} items`, list(maxItems + 1)),
    ...(key === '' ? [] : [bad(`two of one ${key}`, [first, first])]),
  ]
}

function rangeTrials({ minimum, maximum, format }: Schema): Trial[] {
  const trials: Trial[] = []
  if (minimum !== undefined) trials.push(good(`${minimum}`, minimum), bad(`${minimum - 1}`, minimum - 1))
  if (maximum !== undefined) trials.push(good(`${maximum}`, maximum), bad(`${maximum + 1}`, maximum + 1))
  if (maximum === undefined && format === 'int32') trials.push(good('the highest of 32 bits', 2 ** 31 - 1))
  return trials
}

function enumTrials({ enum: words = [] }: Schema): Trial[] {
  if (words.length === 0) return []
  return [
    ...words.map((word) => good(word, word)),
    bad('Nonsense', 'Nonsense'),
    bad('the wrong case', words[0]?.toLowerCase()),
  ]
}

function expectVerdict(verdict: Verdict, { isGood, what }: Trial): void {
  const message = verdict.is === 'refused' ? `: ${verdict.message}` : ''
  expect(`${verdict.is}${verdict.is === 'refused' && isGood ? message : ''}`, what).to.equal(
    isGood ? 'accepted' : 'refused',
  )
}

describe('the definitions', () => {
  let site: CrdSite
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
  })
  after(() => site?.cluster.close())

  for (const { kind, resource, spec, specSchema, status, statusSchema } of samples) {
    describe(`of ${kind}`, () => {
      const object = { metadata: { name: 'new' }, spec }
      let stored: KubeObject
      before(async () => {
        stored = await site.create<KubeObject>(resource, { metadata: { name: 'stored' }, spec })
      })

      it('are tested here in every field', () => {
        for (const { path } of placesIn(specSchema)) expect(valueAt(spec, path), path.join('.')).to.not.equal(undefined)
        for (const { path } of placesIn(statusSchema))
          expect(valueAt(status, path), path.join('.')).to.not.equal(undefined)
      })

      it('reject an object without a spec, or with an empty one', async () => {
        const { metadata } = object
        expect(await site.tryCreate(resource, { metadata })).to.include({ is: 'refused' })
        expect(await site.tryCreate(resource, { metadata, spec: {} })).to.include({ is: 'refused' })
        expect(await site.tryCreate(resource, { metadata, spec: null })).to.include({ is: 'refused' })
      })

      for (const place of placesIn(specSchema)) {
        it(`accept only valid values in spec.${place.path.join('.')}`, async () => {
          for (const trial of trialsOf(place, valueAt(spec, place.path))) {
            const changed = { ...object, spec: withAt(spec, place.path, trial.value) }
            expectVerdict(await site.tryCreate(resource, changed), trial)
          }
        })
      }

      for (const place of placesIn(statusSchema)) {
        it(`accept only valid values in status.${place.path.join('.')}`, async () => {
          for (const trial of trialsOf(place, valueAt(status, place.path))) {
            const changed = { ...stored, status: withAt(status, place.path, trial.value) }
            expectVerdict(await site.tryReplace(resource, changed, 'status'), trial)
          }
        })
      }

      it('drop unknown fields', async () => {
        const verdict = await site.tryCreate(resource, { ...object, spec: { ...spec, unknown: 1 } })
        expect(verdict).to.have.nested.property('object.spec').that.does.not.have.property('unknown')
      })
    })
  }
})

describe('the name', () => {
  let site: CrdSite
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
  })
  after(() => site?.cluster.close())

  const longest: Readonly<Record<string, number>> = { RunnerJob: 57, Runner: 63, RunnerPool: 63 }
  for (const { kind, resource, spec } of samples) {
    const most = longest[kind] ?? 0
    const verdict = (name: string) => site.tryCreate(resource, { metadata: { name }, spec })

    it(`of a ${kind} may have ${most} characters, because pods and labels are named after it`, async () => {
      expect(await verdict('n'.repeat(most))).to.include({ is: 'accepted' })
      expect(await verdict('n'.repeat(most + 1)))
        .to.have.property('message')
        .that.includes(`at most ${most} characters`)
    })

    it(`of a ${kind} contains no dots`, async () => {
      expect(await verdict('a.b'))
        .to.have.property('message')
        .that.includes('and no dots')
    })
  }
})
