import {
  CONTAINER_ANNOTATION,
  JOB_LABEL,
  JOB_UID_LABEL,
  MODE_LABEL,
  POOL_LABEL,
  RUNNER_LABEL,
} from '../../api/names.ts'
import type { RunnerPoolSpec } from '../../api/runner-pool.ts'
import { elementsOf, fieldsOf, isJson, type Json } from '../../api/json.ts'
import { isSilent } from '../json.ts'

/** No pod can be created from the template. The message has the path in the template and the problem. */
export class BadTemplate extends Error {
  override name = 'BadTemplate'
}

/** Metadata fields that the operator or the API server sets. */
const notFromTemplate = [
  'name',
  'generateName',
  'namespace',
  'finalizers',
  'ownerReferences',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
]

const ownLabels = [JOB_LABEL, JOB_UID_LABEL, RUNNER_LABEL, POOL_LABEL, MODE_LABEL]

/**
 * Rejects fields that a runner pod cannot have, instead of dropping them; the API server validates all others. The pool
 * may want further labels of ours. Throws BadTemplate.
 */
export function checkTemplate({ metadata, spec }: RunnerPoolSpec['template'], further: readonly string[] = []): void {
  for (const field of notFromTemplate) {
    if (!isEmpty(metadata?.[field])) {
      throw wrong(`metadata.${field}`, 'must not be set: the operator and the API server set it for each pod')
    }
  }
  checkTexts('metadata.labels', metadata?.['labels'], [...ownLabels, ...further])
  checkTexts('metadata.annotations', metadata?.['annotations'], [CONTAINER_ANNOTATION])
  checkPolicy('spec.restartPolicy', spec['restartPolicy'])
  const containers = elementsOf(spec['containers'])
  if (containers.length === 0) throw wrong('spec.containers', 'must have at least one container')
  for (const list of ['containers', 'initContainers']) checkRules(list, spec)
}

/** The container that runs the job: the one named "runner", else the first. */
export function mainContainer(spec: Json): unknown {
  const containers = elementsOf(spec['containers'])
  return containers.find((container) => fieldsOf(container)['name'] === 'runner') ?? containers[0]
}

/** Whether a field is unset or empty. */
function isEmpty(value: unknown): boolean {
  if (isSilent(value) || value === '') return true
  return typeof value === 'object' && Object.keys(value ?? {}).length === 0
}

function checkTexts(path: string, texts: unknown, ours: readonly string[]): void {
  if (isSilent(texts)) return
  if (!isJson(texts)) throw wrong(path, 'must be an object whose values are strings')
  for (const [key, text] of Object.entries(texts)) {
    const at = `${path}[${JSON.stringify(key)}]`
    if (ours.includes(key)) throw wrong(at, 'must not be set: the operator sets it for each pod')
    if (isSilent(text) || typeof text === 'string') continue
    throw wrong(at, `must be a string, such as ${JSON.stringify(JSON.stringify(text))}`)
  }
}

function wrong(path: string, problem: string): BadTemplate {
  return new BadTemplate(`template.${path}: ${problem}`)
}

/** A job runs once, so its container must not restart. */
function checkPolicy(path: string, policy: unknown): void {
  if (isEmpty(policy) || policy === 'Never') return
  throw wrong(path, `must be Never or absent, because a job runs once (got ${JSON.stringify(policy)})`)
}

function checkRules(list: string, spec: Json): void {
  const main = mainContainer(spec)
  for (const [index, container] of elementsOf(spec[list]).entries()) {
    const { restartPolicy, restartPolicyRules: rules } = fieldsOf(container)
    const path = `spec.${list}[${index}]`
    if (container === main) checkPolicy(`${path}.restartPolicy`, restartPolicy)
    const restartsJob = elementsOf(rules).some((rule) => fieldsOf(rule)['action'] === 'RestartAllContainers')
    if (restartsJob || (container === main && !isEmpty(rules))) {
      throw wrong(`${path}.restartPolicyRules`, 'must not restart the job, because a job runs once')
    }
  }
}
