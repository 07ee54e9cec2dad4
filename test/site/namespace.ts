import { randomBytes } from 'node:crypto'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { AlreadyExists } from '../../src/kube/client/errors.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import { eventually } from '../observe/eventually.ts'
import { manifests } from './manifests.ts'

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const accounts: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' }
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' }
const rightsOf: Record<string, Resource> = {
  Role: { ...rbac, plural: 'roles', kind: 'Role' },
  RoleBinding: { ...rbac, plural: 'rolebindings', kind: 'RoleBinding' },
  ClusterRole: { ...rbac, plural: 'clusterroles', kind: 'ClusterRole' },
  ClusterRoleBinding: { ...rbac, plural: 'clusterrolebindings', kind: 'ClusterRoleBinding' },
}
const forever = new AbortController().signal

/** The group of the tests' callers: the manifests grant it everything. */
export const CALLERS = 'runnerhub:admins'

export interface MadeNamespace {
  namespace: string
  /** The token of the operator's account. */
  token: string
}

/** A namespace from the manifests: only its labels, the operator's account and the callers' roles. */
export async function makeNamespace(
  client: KubeClient,
  namespace = `site-${randomBytes(4).toString('hex')}`,
): Promise<MadeNamespace> {
  const [made] = await manifests('config/manifests/namespace.yaml')
  const [account] = await manifests('config/manifests/service-account.yaml')
  if (made === undefined || account === undefined) throw new Error('manifests are missing')
  await client.create(namespaces, { ...made, metadata: { ...made.metadata, name: namespace } }, forever)
  // The controller manager creates "default" too, but later than the first pod needs it.
  const anonymous = { ...account, metadata: { name: 'default' } }
  await Promise.all([
    client.create(accounts, within(namespace, account), forever),
    client.create(accounts, within(namespace, anonymous), forever).catch(() => {}),
  ])
  for (const file of ['role', 'cluster-role', 'caller-roles']) {
    const objects = await manifests(`config/manifests/${file}.yaml`)
    await Promise.all(objects.map((object) => grant(client, namespace, object)))
  }
  await eventually(() => mayDelegate(client, namespace), { what: 'the permissions of callers to be in force' })
  return { namespace, token: await operatorToken(client, namespace) }
}

type Grants = NewObject<KubeObject> & { subjects?: { kind: string }[] }

/** Creates a role or a binding, in the namespace or, if it is cluster-wide, for it. */
async function grant(client: KubeClient, namespace: string, object: Grants): Promise<void> {
  const resource = rightsOf[object.kind]
  if (resource === undefined) throw new Error(`not an RBAC object: ${object.kind}`)
  await client.create(resource, placed(namespace, object), forever).catch((error: unknown) => {
    // The manifests of every namespace have the same cluster-wide objects.
    if (object.kind !== 'ClusterRole' || !(error instanceof AlreadyExists)) throw error
  })
}

function placed(namespace: string, object: Grants): Grants {
  if (object.kind === 'ClusterRole') return object
  // As kustomize does: the manifests have no namespace.
  const subjects = object.subjects?.map((each) => (each.kind === 'ServiceAccount' ? { ...each, namespace } : each))
  const bound = { ...object, ...(subjects !== undefined && { subjects }) }
  if (object.kind !== 'ClusterRoleBinding') return within(namespace, bound)
  return { ...bound, metadata: { ...bound.metadata, name: `${bound.metadata.name}-${namespace}` } }
}

function within<T extends NewObject<KubeObject>>(namespace: string, object: T): T {
  return { ...object, metadata: { ...object.metadata, namespace } }
}

/** The API server applies new bindings a moment after their creation. */
async function mayDelegate(client: KubeClient, namespace: string): Promise<boolean> {
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
  const [group, resource, subresource] = ['runnerhub.dev', 'runnerjobs', 'delegate']
  const resourceAttributes = { namespace, verb: 'create', group, resource, subresource }
  const spec = { user: 'somebody', groups: [CALLERS], resourceAttributes }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
  const answer = asObject(await client.request('POST', path, { body }, forever))
  return asObject(answer['status'])['allowed'] === true
}

/** Another token of the operator's account. */
export async function operatorToken(client: KubeClient, namespace: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/runnerhub/token`
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  const answer = await client.request('POST', path, { body }, forever)
  const { token } = asObject(asObject(answer)['status'])
  if (typeof token !== 'string') throw new Error('the API server returned no token')
  return token
}
