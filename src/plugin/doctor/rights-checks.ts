import { asObject } from '../../kube/client/parse.ts'
import type { Session } from '../session.ts'
import { type Check, failed, ok, warning } from './finding.ts'
import { operatorsOf } from './operator-checks.ts'
import { callerRights, drainRights, eachRight, operatorRights, type Right, rightInWords } from './operator-rights.ts'

const path = '/apis/authorization.k8s.io/v1/'

/** Whether the operator may do all that it has to. */
export const operatorMay: Check = {
  name: 'operator rights',
  look: async (session) => {
    const findings = (await operatorsOf(session)).map(async ({ spec }) => {
      const account = spec.template.spec.serviceAccountName ?? 'default'
      const user = `system:serviceaccount:${session.namespace}:${account}`
      const missing = await missingRights(session, eachRight(operatorRights), user)
      const upgrade = 'helm upgrade runnerhub charts/runnerhub --reset-then-reuse-values --set rbac.create=true'
      const mend = `${upgrade} -n ${session.namespace}`
      if (missing.length > 0) return failed(`${account} may not ${wordsOf(missing)}`, mend)
      const unseen = await missingRights(session, eachRight(drainRights), user)
      if (unseen.length === 0) return ok(`${account} has all its rights`)
      return warning(`${account} may not ${wordsOf(unseen)}: drainDeadlineSeconds of pools has no effect`, mend)
    })
    return await Promise.all(findings)
  },
}

/** Whether the caller may do what the commands of the plugin do. */
export const callerMay: Check = {
  name: 'your rights',
  look: async (session) => {
    const missing = await missingRights(session, eachRight(callerRights))
    if (missing.length === 0) return [ok('you may use every command')]
    const rules = Map.groupBy(missing, ({ group, resource, subresource }) => nameOf({ group, resource, subresource }))
    const roles = [...rules].map(([resource, rights], index) => {
      const verbs = [...new Set(rights.map(({ verb }) => verb))].join(',')
      return `kubectl -n ${session.namespace} create role runnerhub-cli-${index + 1} --verb=${verbs} --resource=${resource}`
    })
    const bind = 'and bind it to yourself with kubectl create rolebinding'
    return [warning(`you may not ${wordsOf(missing)}`, `${roles.join('; ')}; ${bind}`)]
  },
}

function nameOf({
  group,
  resource,
  subresource,
}: {
  group: string
  resource: string
  subresource: string | undefined
}) {
  return `${resource}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`
}

function wordsOf(rights: readonly Right[]): string {
  return rights.map(rightInWords).join(', ')
}

/** Those of the rights that a user, or without one the caller, does not have. */
async function missingRights(session: Session, rights: readonly Right[], user?: string): Promise<Right[]> {
  const allowed = await Promise.all(rights.map((right) => isAllowed(session, right, user)))
  return rights.filter((_, index) => allowed[index] === false)
}

async function isAllowed({ client, namespace, host }: Session, right: Right, user?: string): Promise<boolean> {
  const { isClusterWide, ...attributes } = right
  const resourceAttributes = { ...attributes, ...(isClusterWide !== true && { namespace }) }
  const kind = user === undefined ? 'SelfSubjectAccessReview' : 'SubjectAccessReview'
  const spec = { resourceAttributes, ...(user !== undefined && { user, groups: groupsOf(namespace) }) }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec }
  const answer = await client.request('POST', `${path}${kind.toLowerCase()}s`, { body }, host.signal)
  return asObject(asObject(answer)['status'])['allowed'] === true
}

/** The groups that every service account of a namespace has. */
function groupsOf(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
}
