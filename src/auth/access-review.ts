import { GROUP } from '../api/names.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { asObject } from '../kube/client/parse.ts'
import type { Permission } from './permissions.ts'
import type { ReviewGrant } from './review-cache.ts'
import type { Caller } from './token-review.ts'

interface Question {
  caller: Caller
  access: Permission
  namespace: string
}

/** Asks the API server whether a caller has a right in a namespace; undefined is no. */
export async function reviewAccess(
  client: KubeClient,
  { caller, access, namespace }: Question,
  signal: AbortSignal,
): Promise<ReviewGrant<true> | undefined> {
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
  const { user, uid, groups, extra } = caller
  const attributes =
    'path' in access
      ? { nonResourceAttributes: { path: access.path, verb: access.verb } }
      : { resourceAttributes: { group: GROUP, namespace, ...access } }
  const spec = { user, uid, groups, ...(extra !== undefined && { extra }), ...attributes }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
  const { allowed, denied } = asObject(asObject(await client.request('POST', path, { body }, signal))['status'])
  return allowed === true && denied !== true ? { value: true } : undefined
}
