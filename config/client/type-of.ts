import { asObject } from '../../src/kube/client/parse.ts'

type Fields = Record<string, unknown>

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
}

/** A doc comment, or nothing. */
export function comment(text: unknown): string {
  if (typeof text !== 'string' || text === '') return ''
  const lines = text.replaceAll('*/', '*\\/').split('\n')
  if (lines.length === 1) return `/** ${lines.join('')} */\n`
  return `/**\n${lines.map((line) => ` * ${line}`).join('\n')}\n */\n`
}

/** The TypeScript type of a JSON Schema. A keyword that narrows a value further, such as a pattern, has no type. */
export function typeOf(schema: Fields): string {
  const { $ref, enum: words, const: only, anyOf, type } = schema
  if (typeof $ref === 'string') return $ref.split('/').at(-1) ?? 'unknown'
  if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(' | ')
  if (Array.isArray(anyOf)) return union(anyOf.map((each) => typeOf(asObject(each))))
  if (only !== undefined) return JSON.stringify(only)
  if (Array.isArray(type)) return type.map((each) => ofType(String(each), schema)).join(' | ')
  return ofType(String(type), schema)
}

/** Alternatives, which may be unions themselves; each counts once. */
function union(types: string[]): string {
  return [...new Set(types.flatMap((type) => type.split(' | ')))].join(' | ')
}

function ofType(type: string, schema: Fields): string {
  const scalar = scalars[type]
  if (scalar !== undefined) return scalar
  if (type === 'array') return `readonly (${typeOf(asObject(schema['items']))})[]`
  if (type !== 'object') return 'unknown'
  const properties = Object.entries(asObject(schema['properties'] ?? {}))
  if (properties.length === 0) return 'Record<string, unknown>'
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
  const fields = properties.map(([name, value]) => {
    const field = asObject(value)
    return `${comment(field['description'])}${name}${required.has(name) ? '' : '?'}: ${typeOf(field)}`
  })
  return `{\n${fields.join('\n')}\n}`
}
