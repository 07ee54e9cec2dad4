import { createSign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import type { Site } from './site.ts'

const accounts: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' }
const rbac = 'rbac.authorization.k8s.io'
export const roles: Resource = { group: rbac, version: 'v1', plural: 'roles', kind: 'Role' }
const bindings: Resource = { group: rbac, version: 'v1', plural: 'rolebindings', kind: 'RoleBinding' }
const clusterBindings: Resource = { ...bindings, plural: 'clusterrolebindings', kind: 'ClusterRoleBinding' }
const forever = new AbortController().signal

/** The audience of callers' tokens. */
const AUDIENCE = 'runnerhub'

/** Creates a service account, bound to a role of the manifests if one is named. */
export async function makeAccount(site: Site, name: string, role?: string): Promise<void> {
  await site.create(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } })
  if (role !== undefined) await bind(site, name, role)
}

/** Binds an account, or a user, to a role of the manifests; the name of the binding is the account's. */
export async function bind(
  site: Site,
  account: string,
  role: string,
  kind: 'ServiceAccount' | 'User' = 'ServiceAccount',
): Promise<void> {
  const isClusterWide = role === 'runnerhub-metrics'
  const binding: NewObject<KubeObject> & { roleRef: unknown; subjects: unknown } = {
    apiVersion: `${rbac}/v1`,
    kind: isClusterWide ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name: isClusterWide ? `${account}-${site.namespace}` : account },
    roleRef: { apiGroup: rbac, kind: isClusterWide ? 'ClusterRole' : 'Role', name: role },
    subjects: [
      kind === 'User' ? { apiGroup: rbac, kind, name: account } : { kind, name: account, namespace: site.namespace },
    ],
  }
  if (isClusterWide) await site.client.create(clusterBindings, binding, forever)
  else await site.create(bindings, binding)
}

/** Deletes the account's binding. */
export function unbind(site: Site, account: string): Promise<void> {
  return site.delete(bindings, account)
}

/** A token of the account, as `kubectl create token --audience` gives it. */
export async function tokenOf(site: Site, account: string, audience = AUDIENCE): Promise<string> {
  const path = `/api/v1/namespaces/${site.namespace}/serviceaccounts/${account}/token`
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [audience], expirationSeconds: 3600 },
  }
  const answer = asObject(await site.client.request('POST', path, { body }, forever))
  return String(asObject(answer['status'])['token'])
}

/** Deletes the account; its tokens expire a moment later. */
export function removeAccount(site: Site, name: string): Promise<void> {
  return site.delete(accounts, name)
}

/** The same token with other claims, signed with the cluster's own key. */
export async function resigned(site: Site, token: string, claims: Record<string, unknown>): Promise<string> {
  const [header = '', payload = ''] = token.split('.')
  const original = asObject(JSON.parse(Buffer.from(payload, 'base64url').toString()))
  const signed = `${header}.${Buffer.from(JSON.stringify({ ...original, ...claims })).toString('base64url')}`
  const key = await readFile(join(dirname(site.plane.controlPlane.kubeconfig), 'pki/service-account.key'))
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
}
