import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { asObject } from '../../src/kube/client/parse.ts'
import { command, localTool } from '../processes/command.ts'

const execute = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname

/** The folder of the chart. */
export const chart = `${root}charts/runnerhub`
const valueSets = `${chart}/ci`

let built: Promise<string> | undefined

/** The pinned Helm; building it takes a minute or two, once on a machine. */
export function helmPath(): Promise<string> {
  return (built ??= command(localTool('helm-path')))
}

/** Runs Helm; a failure includes all its output, such as the logs of `helm test`. */
export async function helm(...args: string[]): Promise<string> {
  try {
    const { stdout } = await execute(await helmPath(), args, { maxBuffer: 64 * 1024 * 1024 })
    return stdout
  } catch (error) {
    const { stdout } = asObject(error)
    if (error instanceof Error && typeof stdout === 'string') error.message += `\n${stdout}`
    throw error
  }
}

/** Helm's message for values that it rejects. */
export async function refusalOf(...flags: string[]): Promise<string> {
  try {
    await helm('template', 'hub', chart, ...flags)
  } catch (error) {
    return String(asObject(error)['stderr'] ?? error)
  }
  return 'not refused'
}

/** An object in a manifest. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; annotations?: Record<string, string>; labels?: Record<string, string> }
  [field: string]: unknown
}

/** The objects that an installation as `hub` has; hooks among them. */
export async function render(...flags: string[]): Promise<Manifest[]> {
  return manifestsIn(await helm('template', 'hub', chart, '--namespace', 'hub', ...flags))
}

/** The objects of a YAML text. */
export function manifestsIn(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const object: unknown = document.toJS()
    return isManifest(object) ? [object] : []
  })
}

/** The one object of a kind, by its name after the release's: '' or '-realtime'. */
export function found(objects: Manifest[], kind: string, name: string): Manifest {
  const matching = objects.filter((object) => object.kind === kind && object.metadata.name === name)
  const [object] = matching
  if (object !== undefined && matching.length === 1) return object
  throw new Error(`${matching.length} of ${kind} ${name}; the manifest has ${objects.map(titleOf).join(', ')}`)
}

/** Kind and name. */
export function titleOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`
}

/** The value at a path of an object: field names and indices. */
export function at(object: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => {
    return typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined
  }, object)
}

/** Files with the value sets that the chart is tested with. */
export function valueFiles(): string[] {
  return readdirSync(valueSets)
    .sort()
    .map((file) => `${valueSets}/${file}`)
}

/** A file of the chart. */
export function chartFile(name: string): Promise<string> {
  return readFile(`${chart}/${name}`, 'utf8')
}

function isManifest(value: unknown): value is Manifest {
  const { apiVersion, kind, metadata } = asObject(value)
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof asObject(metadata)['name'] === 'string'
}
