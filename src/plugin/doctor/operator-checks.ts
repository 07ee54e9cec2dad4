import { MESSAGE_LABEL, RUNNER_TYPE_LABEL } from '../../api/names.ts'
import { asObject } from '../../kube/client/parse.ts'
import { ApiError, Forbidden } from '../../kube/client/errors.ts'
import { leases } from '../../kube/election/lease.ts'
import { allOf } from '../pages.ts'
import type { Session } from '../session.ts'
import { type Deployment, deployments, OURS, services } from './cluster-kinds.ts'
import { type Check, failed, type Finding, ok } from './finding.ts'

/** The Deployments of the operator in the namespace. */
export function operatorsOf(session: Session): Promise<Deployment[]> {
  return allOf(session, deployments, { namespace: session.namespace, labelSelector: OURS })
}

/** Whether an operator is installed here, and its replicas are ready. */
export const operatorRuns: Check = {
  name: 'operator',
  look: async (session) => {
    const here = await operatorsOf(session)
    return here.length === 0 ? [await missing(session)] : here.map((deployment) => replicas(session, deployment))
  },
}

function replicas({ namespace }: Session, { metadata, spec, status }: Deployment): Omit<Finding, 'check'> {
  const wanted = spec.replicas ?? 1
  const ready = status?.readyReplicas ?? 0
  const { name } = metadata
  if (wanted === 0) {
    return failed(`${name} is scaled to 0`, `kubectl -n ${namespace} scale deployment/${name} --replicas=2`)
  }
  if (ready >= wanted) return ok(`${name} has ${ready} of ${wanted} replicas ready`)
  const look = `kubectl -n ${namespace} describe pods --selector ${OURS}`
  return failed(`${name} has ${ready} of ${wanted} replicas ready`, look)
}

/** An installation elsewhere means that the namespace was forgotten. */
async function missing(session: Session): Promise<Omit<Finding, 'check'>> {
  const { namespace } = session
  const elsewhere = await allOf(session, deployments, { namespace: undefined, labelSelector: OURS }).catch(
    (error: unknown) => {
      if (error instanceof Forbidden) return []
      throw error
    },
  )
  const [first] = elsewhere.map(({ metadata }) => metadata.namespace)
  if (first === undefined) {
    const install = 'helm install runnerhub charts/runnerhub --set image.repository=IMAGE'
    return failed(`no operator is installed in namespace ${namespace}`, `${install} -n ${namespace}`)
  }
  const text = `no operator is installed in namespace ${namespace}, but one is in ${first}`
  return failed(text, `kubectl runnerhub -n ${first} doctor`)
}

/** How far the clocks of this machine and of the leader may differ. */
const SKEW_MS = 60_000

/** Whether a leader renews its Lease: without one no job starts. */
export const leaderLives: Check = {
  name: 'leader',
  look: async (session) => {
    const { namespace, host } = session
    const labelSelector = `!${RUNNER_TYPE_LABEL},!${MESSAGE_LABEL}`
    const held = await allOf(session, leases, { namespace, labelSelector })
    const restart = `kubectl -n ${namespace} logs --selector ${OURS} --tail 50`
    if (held.length === 0) return [failed('no replica has ever become leader', restart)]
    return held.map(({ metadata, spec = {} }) => {
      const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 15 } = spec
      const ageMs = host.clock.now().getTime() - Date.parse(renewTime)
      const isFresh = ageMs < leaseDurationSeconds * 1000 + SKEW_MS
      if (holderIdentity !== '' && isFresh) return ok(`${holderIdentity} holds the Lease ${metadata.name}`)
      const state =
        holderIdentity === '' ? 'nobody holds it' : `${holderIdentity} has not renewed it since ${renewTime}`
      return failed(`no leader: the Lease ${metadata.name} is old, ${state}`, restart)
    })
  },
}

/** Whether the REST API answers, through the API server. */
export const facadeAnswers: Check = {
  name: 'REST API',
  look: async (session) => {
    const { client, namespace, host } = session
    const found = await allOf(session, services, { namespace, labelSelector: OURS })
    const facades = found.filter(({ spec }) => spec.ports?.some(({ name }) => name === 'http') === true)
    const look = `kubectl -n ${namespace} get endpointslices --selector ${OURS}`
    if (facades.length === 0) return [failed('no Service leads to the REST API', look)]
    const asked = facades.map(async ({ metadata: { name } }) => {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services/http:${name}:http/proxy/health`
      try {
        const answer = await client.request('GET', path, {}, host.signal)
        return ok(`Service ${name} is ${String(asObject(answer)['status'])}`)
      } catch (error) {
        if (!(error instanceof ApiError) || error instanceof Forbidden) throw error
        return failed(`Service ${name} does not answer: ${error.message}`, look)
      }
    })
    return await Promise.all(asked)
  },
}
