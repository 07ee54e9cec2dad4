import { elementsOf, fieldsOf, isJson, type Json } from '../../api/json.ts'
import { quantityOf } from './quota.ts'

/** The resources that the scheduler reserves for a pod. */
export interface Requests {
  cpuMillicores: number
  memoryBytes: number
}

/**
 * What the scheduler reserves on a node for a pod, by its own formula: `PodRequests` of
 * k8s.io/component-helpers/resource/helpers.go. The containers and the sidecars among the init containers run together.
 * An init container runs beside the sidecars before it only, so the largest of these moments counts. Requests of the
 * whole pod replace the sums, and the overhead of its runtime class is added to either.
 */
export function requestsOf(spec: Json): Requests {
  return { cpuMillicores: millicores(effective(spec, 'cpu')), memoryBytes: Math.ceil(effective(spec, 'memory')) }
}

/** Rounded up, as the scheduler does, but not because of what floating point adds. */
function millicores(cores: number): number {
  return Math.ceil(Math.round(cores * 1_000_000) / 1000)
}

/** The pod's requests as requests of the whole pod: `requestsOf` has the same result for the two. */
export function withoutContainers(spec: Json): Json {
  const { cpuMillicores, memoryBytes } = requestsOf(spec)
  if (cpuMillicores + memoryBytes === 0) return {}
  return { resources: { requests: { cpu: `${cpuMillicores}m`, memory: String(memoryBytes) } } }
}

type Resource = 'cpu' | 'memory'

function effective(spec: Json, resource: Resource): number {
  const ofPod = fieldsOf(fieldsOf(spec['resources'])['requests'])[resource]
  return (ofPod === undefined ? ofContainers(spec, resource) : amountOf(ofPod)) + amountIn(spec['overhead'], resource)
}

function ofContainers(spec: Json, resource: Resource): number {
  let sidecars = 0
  let most = 0
  for (const container of elementsOf(spec['initContainers'])) {
    const own = requestOf(container, resource)
    if (fieldsOf(container)['restartPolicy'] === 'Always') sidecars += own
    most = Math.max(most, fieldsOf(container)['restartPolicy'] === 'Always' ? sidecars : sidecars + own)
  }
  const together = elementsOf(spec['containers']).reduce<number>(
    (sum, each) => sum + requestOf(each, resource),
    sidecars,
  )
  return Math.max(together, most)
}

function requestOf(container: unknown, resource: Resource): number {
  return amountIn(fieldsOf(fieldsOf(container)['resources'])['requests'], resource)
}

function amountIn(amounts: unknown, resource: Resource): number {
  return isJson(amounts) ? amountOf(amounts[resource]) : 0
}

/** The API server has checked it; what it cannot be counts as nothing. */
function amountOf(quantity: unknown): number {
  const amount = typeof quantity === 'string' || typeof quantity === 'number' ? quantityOf(String(quantity)) : 0
  return Number.isFinite(amount) ? Math.max(0, amount) : 0
}
