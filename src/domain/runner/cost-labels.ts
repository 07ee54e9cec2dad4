import { createHash } from 'node:crypto'
import { REPOSITORY_LABEL, repositoryKey, WORKFLOW_LABEL } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { PodLabel, RunnerPool } from '../../api/runner-pool.ts'

/** Longest value of a label. */
const LONGEST = 63

/** Hex digits of the hash of a text: enough that two names of one organisation never get the same value. */
const DIGITS = 10

const keys: Record<PodLabel, string> = { Repository: REPOSITORY_LABEL, Workflow: WORKFLOW_LABEL }

/** The keys of the labels that a pool wants on its pods. */
export function costLabelKeys({ spec }: RunnerPool): string[] {
  return (spec.attribution?.podLabels ?? []).map((label) => keys[label])
}

/** The labels by which cost tools group pods, as far as the pool wants them and the job has the facts. */
export function costLabels(pool: RunnerPool, { spec }: RunnerJob): Record<string, string> {
  const texts: Record<PodLabel, string> = { Repository: repositoryKey(spec.repository), Workflow: spec.workflow ?? '' }
  const wanted = (pool.spec.attribution?.podLabels ?? []).filter((label) => texts[label] !== '')
  return Object.fromEntries(wanted.map((label) => [keys[label], labelValue(texts[label])]))
}

/**
 * A label value for any text, always the same one. A text that is a valid value stays as it is; any other keeps what is
 * readable of it, and gets a hash of the whole text, so that two texts never share a value. So does a text that looks as
 * if it had such a hash already.
 */
export function labelValue(text: string): string {
  if (isValue(text) && !/(^|-)[0-9a-f]{10}$/.test(text)) return text
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGITS)
  const readable = text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/\s*\/\s*/g, '.')
    .replaceAll(/[^A-Za-z0-9_.]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, LONGEST - DIGITS - 1)
    .replace(/[^A-Za-z0-9]+$/, '')
  return readable === '' ? digest : `${readable}-${digest}`
}

function isValue(text: string): boolean {
  return text.length <= LONGEST && /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(text)
}
