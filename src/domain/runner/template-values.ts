import { isJson, type Json } from '../../api/json.ts'
import { isSilent } from '../json.ts'

/** The kind of a value, by the name of its field. */
type Kind = 'quantity' | 'quantities' | 'other'

const kinds: ReadonlyMap<string, Kind> = new Map([
  ['limits', 'quantities'],
  ['requests', 'quantities'],
  ['overhead', 'quantities'],
  ['sizeLimit', 'quantity'],
  ['divisor', 'quantity'],
])

const QUANTITY = /^[+-]?[0-9.]+([eEinumkKMGTP]*[-+]?[0-9]*)$/

const noQuantity = /quantities must match|unable to parse quantity/

/** The API server's error about a value of the wrong type: that type, and the fields above it, without positions. */
const otherType =
  /cannot unmarshal (string|number|bool|object|array)\b.* into Go struct field \w+\.((?:\w+\.)*\w+) of type/

/**
 * The API server's error about a pod that it cannot decode, with the paths of the values that it may mean: the error
 * itself names neither the field of a quantity, nor the container or variable.
 */
export function withPaths(message: string, template: Json): string {
  const paths = pathsOf(message, template)
  return paths.length === 0 ? message : `${paths.join(', ')}: ${message}`
}

function pathsOf(message: string, template: Json): string[] {
  if (noQuantity.test(message)) return message.includes('spec.') ? [] : [...noQuantities(template, '', 'other')]
  const [, type, fields = ''] = otherType.exec(message) ?? []
  // An embedded Go struct is not a field.
  const names = fields.split('.').filter((name) => !/^[A-Z]/.test(name))
  return type === undefined ? [] : [...valuesAt(template, '', names, type)]
}

function* noQuantities(value: unknown, path: string, kind: Kind): Generator<string> {
  if (isSilent(value)) return
  if (kind === 'quantity') {
    if (!isQuantity(value)) yield path
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* noQuantities(item, `${path}[${index}]`, 'other')
  } else if (isJson(value)) {
    for (const [key, each] of Object.entries(value)) yield* noQuantities(each, join(path, key), kindIn(kind, key))
  }
}

function kindIn(parent: Kind, key: string): Kind {
  return parent === 'quantities' ? 'quantity' : (kinds.get(key) ?? 'other')
}

function isQuantity(value: unknown): boolean {
  return (typeof value === 'string' || typeof value === 'number') && QUANTITY.test(String(value))
}

/** The paths of the values of a type under these fields, in all items of the lists on the way, and of a map at the end. */
function* valuesAt(value: unknown, path: string, fields: readonly string[], type: string): Generator<string> {
  const [field, ...below] = fields
  if (field === undefined && typeOf(value) === type) yield path
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* valuesAt(item, `${path}[${index}]`, fields, type)
  } else if (field === undefined && isJson(value)) {
    for (const [key, item] of Object.entries(value)) if (typeOf(item) === type) yield `${path}[${JSON.stringify(key)}]`
  } else if (field !== undefined && isJson(value)) yield* valuesAt(value[field], join(path, field), below, type)
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`
}
