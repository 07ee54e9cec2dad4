import type { RunnerJob } from '../../api/runner-job.ts'
import { elementsOf, isJson, type Json } from '../../api/json.ts'
import { isSilent } from '../json.ts'

/** The only field that selects nodes. The label kubernetes.io/hostname has another value than it on some clouds. */
const NAME = 'metadata.name'

/** The highest weight that a preference may have. */
const WEIGHT = 100

/**
 * The template's affinity, with a preference for nodes on which no attempt of the job has ended. It is no more than a
 * preference: in a small cluster the node of the last attempt may be the only one that fits. An affinity of the wrong
 * shape goes to the API server unchanged.
 */
export function avoidance(spec: Json, { status }: RunnerJob): { affinity?: Json } {
  const nodes = new Set((status.attempts ?? []).flatMap(({ nodeName }) => nodeName ?? []))
  const affinity = spec['affinity']
  const nodeAffinity = isJson(affinity) ? affinity['nodeAffinity'] : undefined
  const preferred = isJson(nodeAffinity) ? nodeAffinity[PREFERRED] : undefined
  const isRight = [affinity, nodeAffinity].every((each) => isSilent(each) || isJson(each))
  if (nodes.size === 0 || !isRight || !(isSilent(preferred) || Array.isArray(preferred))) return {}
  // The API server accepts one value per requirement; all of them have to hold.
  const others = [...nodes].map((node) => ({ key: NAME, operator: 'NotIn', values: [node] }))
  const term = { weight: WEIGHT, preference: { matchFields: others } }
  return {
    affinity: {
      ...(isJson(affinity) && affinity),
      nodeAffinity: { ...(isJson(nodeAffinity) && nodeAffinity), [PREFERRED]: [...elementsOf(preferred), term] },
    },
  }
}

const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'
