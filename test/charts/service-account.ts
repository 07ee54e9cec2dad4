import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { asObject } from '../../src/kube/client/parse.ts'

const serviceAccounts: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' }
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' }
const roleBindings: Resource = { ...rbac, plural: 'rolebindings', kind: 'RoleBinding' }
const never = new AbortController().signal

/** A service account with read permission in its namespace. */
export interface ServiceAccount {
  token(): Promise<string>
  /** Deletes the account; its tokens expire some seconds later. */
  remove(): Promise<void>
}

export async function createReader(client: KubeClient, namespace: string, name: string): Promise<ServiceAccount> {
  const metadata = { name, namespace }
  await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }, never)
  const binding: NewObject<KubeObject> & { roleRef: unknown; subjects: unknown } = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: rbac.group, kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  }
  await client.create(roleBindings, binding, never)
  return {
    async token() {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
      const { status } = asObject(await client.request('POST', path, { body }, never))
      return String(asObject(status)['token'])
    },
    remove: () => client.delete(serviceAccounts, { namespace, name }, {}, never),
  }
}
