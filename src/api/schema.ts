/** A transition or value rule in CEL, evaluated by the API server. */
export interface ValidationRule {
  rule: string
  message: string
  fieldPath?: string
}

/** The subset of JSON Schema that a structural CRD schema, ajv and OpenAPI 3.1 all understand. */
export interface Schema {
  type: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  description?: string
  format?: 'date-time' | 'int32' | 'int64'
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  enum?: readonly string[]
  default?: unknown
  items?: Schema
  maxItems?: number
  properties?: Readonly<Record<string, Schema>>
  required?: readonly string[]
  maxProperties?: number
  'x-kubernetes-validations'?: readonly ValidationRule[]
  'x-kubernetes-preserve-unknown-fields'?: true
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  'x-kubernetes-list-map-keys'?: readonly string[]
}

type Flat<T> = { [K in keyof T]: T[K] }
type Required<S> = S extends { required: readonly (infer R)[] } ? R : never
type Defaulted<P> = { [K in keyof P]: P[K] extends { default: unknown } ? K : never }[keyof P]

/** The type of an object of schema `S` once the API server has stored it: defaults are present. */
export type FromSchema<S> = S extends { enum: readonly (infer E)[] }
  ? E
  : S extends { type: 'string' }
    ? string
    : S extends { type: 'integer' }
      ? number
      : S extends { type: 'boolean' }
        ? boolean
        : S extends { type: 'array'; items: infer I }
          ? FromSchema<I>[]
          : S extends { properties: infer P }
            ? Flat<
                { [K in keyof P as K extends Required<S> | Defaulted<P> ? K : never]: FromSchema<P[K]> } & {
                  [K in keyof P as K extends Required<S> | Defaulted<P> ? never : K]?: FromSchema<P[K]>
                }
              >
            : Record<string, unknown>

/** The type of an object to write: like `FromSchema`, but fields with a default are optional. */
export type NewFromSchema<S> = Flat<
  { [K in keyof FromSchema<S> as K extends Required<S> ? K : never]: FromSchema<S>[K] } & {
    [K in keyof FromSchema<S> as K extends Required<S> ? never : K]?: FromSchema<S>[K]
  }
>

/**
 * Adds the rules that forbid changing, adding or removing these fields. The API server evaluates all of them on every
 * status write, and for each field that a rule reads of an object it copies the schemas of all of that object's fields.
 * So each field compares itself, which reads no object. Only its presence is a rule of its parent: the API server does
 * not evaluate a rule on an optional field when the field is added or removed.
 */
export function withImmutable(schema: Schema, fields: readonly string[]): Schema {
  const { properties = {}, required = [], 'x-kubernetes-validations': rules = [] } = schema
  const optional = fields.filter((field) => !required.includes(field))
  return {
    ...schema,
    properties: Object.fromEntries(
      Object.entries(properties).map(([field, value]) => [
        field,
        fields.includes(field) ? immutable(value, field) : value,
      ]),
    ),
    'x-kubernetes-validations': [
      ...optional.map((field) => ({
        rule: `has(self.${field}) == has(oldSelf.${field})`,
        message: messageOf(field),
        fieldPath: `.${field}`,
      })),
      ...rules,
    ],
  }
}

function immutable(value: Schema, field: string): Schema {
  return { ...value, 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: messageOf(field) }] }
}

function messageOf(field: string): string {
  return `${field} is immutable: a delegation's facts do not change, delegate again instead`
}
