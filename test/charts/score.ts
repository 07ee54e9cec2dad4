import { readFileSync } from 'node:fs'
import { run } from '../../config/local/run.d/program.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import { command, localTool } from '../processes/command.ts'
import { listOf } from './monitoring.ts'

/** A check of the scanner that an object fails. */
export interface Finding {
  check: string
  /** Kind and name. */
  object: string
  why: string
}

/** Findings that are right as they are, with the reason and its day. */
export interface AllowedFinding {
  check: string
  /** A pattern of the objects. */
  objects: RegExp
  reason: string
  decided: string
}

/** Checks that the scanner runs only if asked to. */
const OPTIONAL = ['container-seccomp-profile', 'container-ports-check']

/** A grade below this one is a finding, warnings included. */
const FLAWLESS = 10

let built: Promise<string> | undefined

/** The pinned kube-score; building it takes a minute, once on a machine. */
export function scannerPath(): Promise<string> {
  return (built ??= command(localTool('kube-score-path')))
}

/** The findings of kube-score in manifests, as YAML. */
export async function scan(manifests: string, signal: AbortSignal): Promise<Finding[]> {
  const kubeScore = await scannerPath()
  const options = ['--output-format=json', '--kubernetes-version=v1.33']
  const checks = OPTIONAL.map((check) => `--enable-optional-test=${check}`)
  const { stdout, stderr } = await run([kubeScore, 'score', ...options, ...checks, '-'], { input: manifests }, signal)
  const objects = stdout.startsWith('[') ? listOf(JSON.parse(stdout)).map(asObject) : []
  if (objects.length === 0) throw new Error(`the scanner found no object: ${stderr}`)
  return objects.flatMap(findingsOf)
}

function findingsOf(object: Record<string, unknown>): Finding[] {
  const name = `${String(asObject(object['type_meta'])['kind'])}/${String(asObject(object['object_meta'])['name'])}`
  const results = listOf(object['checks']).map(asObject)
  const failed = results.filter(({ skipped, grade }) => skipped !== true && Number(grade) < FLAWLESS)
  return failed.map(({ check, comments }) => ({
    check: String(asObject(check)['id']),
    object: name,
    why: listOf(comments)
      .map((comment) => String(asObject(comment)['summary']))
      .join('; '),
  }))
}

/** The findings that are allowed. */
export function allowedFindings(): AllowedFinding[] {
  const file = new URL('../../config/audit/manifests.json', import.meta.url)
  return listOf(JSON.parse(readFileSync(file, 'utf8'))).map((entry) => {
    const { check, objects, reason, decided } = asObject(entry)
    return {
      check: String(check),
      objects: new RegExp(String(objects)),
      reason: String(reason),
      decided: String(decided),
    }
  })
}

/** Whether an entry allows a finding. */
export function allows({ check, objects }: AllowedFinding, finding: Finding): boolean {
  return check === finding.check && objects.test(finding.object)
}
