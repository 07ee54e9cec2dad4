import { randomBytes } from 'node:crypto'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { record } from '../../src/kube/parse.ts'
import { manifests } from './plane.ts'

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const accounts: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' }
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' }
const roles: Resource = { ...rbac, plural: 'roles', kind: 'Role' }
const bindings: Resource = { ...rbac, plural: 'rolebindings', kind: 'RoleBinding' }
const forever = new AbortController().signal

/** A namespace as the manifests make it: its labels, and the operator's account with its rights and no others. */
export async function makeNamespace(client: KubeClient): Promise<{ namespace: string; token: string }> {
  const namespace = `site-${randomBytes(4).toString('hex')}`
  const create = async (resource: Resource, object: NewObject<KubeObject>) =>
    client.create(resource, { ...object, metadata: { ...object.metadata, namespace } }, forever)
  const [made] = await manifests('config/manifests/namespace.yaml')
  const [role, binding] = await manifests('config/manifests/role.yaml')
  const [account] = await manifests('config/manifests/service-account.yaml')
  if (made === undefined || role === undefined || binding === undefined || account === undefined) {
    throw new Error('manifests are missing')
  }
  await client.create(namespaces, { ...made, metadata: { ...made.metadata, name: namespace } }, forever)
  // The controller manager makes "default" too, but later than the first pod wants it.
  const anonymous = { ...account, metadata: { name: 'default' } }
  await Promise.all([create(accounts, account), create(accounts, anonymous).catch(() => {})])
  await Promise.all([create(roles, role), create(bindings, withSubjectsIn(namespace, binding))])
  return { namespace, token: await tokenOf(client, namespace, account.metadata.name) }
}

/** As kustomize does: the manifests leave the namespace to it. */
function withSubjectsIn(namespace: string, binding: NewObject<KubeObject> & { subjects?: object[] }) {
  return { ...binding, subjects: binding.subjects?.map((subject) => ({ ...subject, namespace })) }
}

async function tokenOf(client: KubeClient, namespace: string, account: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  const answer = await client.request('POST', path, { body }, forever)
  const { token } = record(record(answer)['status'])
  if (typeof token !== 'string') throw new Error('the API server gave no token')
  return token
}
