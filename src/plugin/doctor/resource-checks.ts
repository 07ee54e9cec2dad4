import { kinds } from '../../api/crd.ts'
import { runnerPools } from '../../api/runner-pool.ts'
import { readinessOf } from '../../domain/pool/readiness.ts'
import { allOf } from '../pages.ts'
import type { Session } from '../session.ts'
import { type Definition, definitions } from './cluster-kinds.ts'
import { type Check, failed, type Finding, ok, warning } from './finding.ts'

const apply = 'kubectl apply --server-side --force-conflicts --filename charts/runnerhub/crds'

/** Whether the cluster has our kinds, in a version with all the fields that this program knows. */
export const crdsAreThere: Check = {
  name: 'CRDs',
  look: (session) => Promise.all(kinds.map((kind) => crd(session, kind))),
}

type Kind = (typeof kinds)[number]

async function crd({ client, host }: Session, kind: Kind): Promise<Omit<Finding, 'check'>> {
  const { plural, group, version } = kind.resource
  const name = `${plural}.${group}`
  const definition = await client.find(definitions, { namespace: '', name }, host.signal)
  if (definition === undefined) return failed(`${name} is missing`, apply)
  const served = definition.spec.versions.find((each) => each.name === version && each.served)
  if (served === undefined) return failed(`${name} does not serve version ${version}`, apply)
  const established = definition.status?.conditions?.find(({ type }) => type === 'Established')
  if (established?.status !== 'True') return failed(`${name} is not established: ${established?.message ?? ''}`, apply)
  const missing = missingFields(served, kind)
  if (missing.length === 0) return ok(`${name} is up to date`)
  return warning(`${name} is older than this program: it lacks ${missing.join(', ')}`, apply)
}

function missingFields({ schema }: Definition['spec']['versions'][number], kind: Kind): string[] {
  const known = schema?.openAPIV3Schema?.properties ?? {}
  return (['spec', 'status'] as const).flatMap((part) => {
    const there = known[part]?.properties ?? {}
    const wanted = Object.keys(kind[part].properties ?? {})
    return wanted.filter((field) => !Object.hasOwn(there, field)).map((field) => `${part}.${field}`)
  })
}

/** Whether there are pools, and each of them can have pods. */
export const poolsAreReady: Check = {
  name: 'pools',
  look: async (session) => {
    const { namespace } = session
    const pools = await allOf(session, runnerPools, { namespace })
    if (pools.length === 0) {
      return [
        failed(
          'there is no pool, so every job waits',
          `kubectl -n ${namespace} apply -f config/samples/runner-pool.yaml`,
        ),
      ]
    }
    return pools.map((pool) => {
      const { name } = pool.metadata
      const readiness = readinessOf(pool)
      switch (readiness.is) {
        case 'ready':
          return ok(`${name} is ready`)
        case 'unjudged':
          return warning(`no operator has checked ${name} yet`, `kubectl -n ${namespace} describe rp ${name}`)
        case 'invalid':
        case 'refused':
          return failed(`${name} is not ready: ${readiness.message}`, `kubectl -n ${namespace} edit rp ${name}`)
        default:
          return readiness satisfies never
      }
    })
  },
}
