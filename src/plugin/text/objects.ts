import { stringify } from 'yaml'
import type { KubeObject, Resource } from '../../api/object.ts'

/** An object with the fields that items of a list lack, and without what only the API server reads. */
export function wholeObject<T extends KubeObject>({ group, version, kind }: Resource<T>, object: T): KubeObject {
  const { managedFields: _, ...metadata } = { managedFields: undefined, ...object.metadata }
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, ...object, metadata }
}

/** `runnerjob.runnerhub.dev/name`, as kubectl names objects. */
export function nameOf<T extends KubeObject>({ group, kind }: Resource<T>, { metadata }: T): string {
  return `${kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${metadata.name}`
}

/** One value as a whole document. */
export function documentOf(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${jsonOf(value, 4)}\n` : yamlOf(value)
}

/** Characters that JSON allows in its strings, and that a terminal takes for commands or for a direction. */
const unescaped = /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu
/** Those for which YAML quotes a text, so that an escape means the same. */
const quoted = /[\u007f-\u009f]/g

/** JSON that a terminal only shows. */
export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(unescaped, escapeOf)
}

function yamlOf(value: unknown): string {
  return stringify(value).replaceAll(quoted, escapeOf)
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The pieces of a List whose items come one after the other, so that a long one is never whole in memory. */
export class ListWriter {
  readonly #format: 'json' | 'yaml'
  #count = 0

  constructor(format: 'json' | 'yaml') {
    this.#format = format
  }

  item(object: KubeObject): string {
    const first = this.#count === 0
    this.#count += 1
    if (this.#format === 'yaml') return `${first ? 'apiVersion: v1\nkind: List\nitems:\n' : ''}${yamlOf([object])}`
    const text = jsonOf(object, 4).replaceAll(/^/gm, '        ')
    return `${first ? '{\n    "apiVersion": "v1",\n    "kind": "List",\n    "items": [\n' : ',\n'}${text}`
  }

  end(): string {
    if (this.#format === 'yaml') return this.#count === 0 ? 'apiVersion: v1\nkind: List\nitems: []\n' : ''
    return this.#count === 0 ? '{\n    "apiVersion": "v1",\n    "kind": "List",\n    "items": []\n}\n' : '\n    ]\n}\n'
  }
}
