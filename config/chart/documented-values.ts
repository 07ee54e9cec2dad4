import { parse } from 'yaml'
import { asObject } from '../../src/kube/client/parse.ts'

/** A value of the chart. */
export interface DocumentedValue {
  /** Its path for helm: image.tag. */
  path: string
  default: unknown
  /** The comment above it in values.yaml. */
  text: string
}

/** All values of a values.yaml with a comment above them; keys below a commented one belong to it. */
export function documentedValues(yaml: string): DocumentedValue[] {
  const values: unknown = parse(yaml)
  const comments = commentsOf(yaml)
  const described = (path: string): boolean => comments.get(path) !== undefined
  const leaves = [...comments.keys()].filter((path) => {
    const isBelowAnother = [...comments.keys()].some((other) => path.startsWith(`${other}.`) && described(other))
    const isAbove = !described(path) && [...comments.keys()].some((other) => other.startsWith(`${path}.`))
    return path === 'settings' || (!isAbove && (!isBelowAnother || described(path)))
  })
  return leaves.map((path) => ({ path, default: at(values, path), text: comments.get(path) ?? '' }))
}

/** The path of every key, with the comment directly above it. */
function commentsOf(yaml: string): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  const parents: { indent: number; path: string }[] = []
  let comment: string[] = []
  for (const line of yaml.split('\n')) {
    const [, indent = '', word = '', name = ''] = /^( *)(?:# ?(.*)|(\w+):.*)$/.exec(line) ?? []
    if (name !== '') {
      while ((parents.at(-1)?.indent ?? -1) >= indent.length) parents.pop()
      const path = [...parents.slice(-1).map((parent) => parent.path), name].join('.')
      found.set(path, comment.length > 0 ? comment.join(' ') : undefined)
      parents.push({ indent: indent.length, path })
    }
    comment = line.trimStart().startsWith('#') ? [...comment, word] : []
  }
  return found
}

function at(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => asObject(value)[name], values)
}
