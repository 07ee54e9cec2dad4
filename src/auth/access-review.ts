import { GROUP } from '../api/names.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { asObject } from '../kube/client/parse.ts'
import type { Permission } from './permissions.ts'
import type { ReviewGrant } from './review-cache.ts'
import type { Caller } from './token-review.ts'

interface AccessQuestion {
  caller: Caller
  permission: Permission
  namespace: string
}

/** Reviews whether a caller has a permission in a namespace; undefined if denied. */
export async function reviewAccess(
  client: KubeClient,
  { caller, permission, namespace }: AccessQuestion,
  signal: AbortSignal,
): Promise<ReviewGrant<true> | undefined> {
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
  const { user, uid, groups, extra } = caller
  const attributes =
    'path' in permission
      ? { nonResourceAttributes: { path: permission.path, verb: permission.verb } }
      : { resourceAttributes: { group: GROUP, namespace, ...permission } }
  const spec = { user, uid, groups, ...(extra !== undefined && { extra }), ...attributes }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
  const { allowed, denied } = asObject(asObject(await client.request('POST', path, { body }, signal))['status'])
  return allowed === true && denied !== true ? { value: true } : undefined
}
