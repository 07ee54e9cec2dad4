import { DELEGATED_BY_ANNOTATION, DELEGATION_KEY_ANNOTATION } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'

/** The jobs that a caller may use: all, or those that it delegated. */
export type JobScope = { is: 'all' } | { is: 'own'; user: string }

/** The caller that delegated a job. */
export type JobOwner =
  | { is: 'user'; user: string }
  | { is: 'unrecorded' } // delegated through a version that recorded no caller
  | { is: 'nobody' } // created without a delegation

/** The caller that delegated a job, as the facade recorded it. */
export function ownerOf({ metadata }: RunnerJob): JobOwner {
  const { [DELEGATED_BY_ANNOTATION]: user, [DELEGATION_KEY_ANNOTATION]: key } = metadata.annotations ?? {}
  if (user !== undefined) return { is: 'user', user }
  return { is: key === undefined ? 'nobody' : 'unrecorded' }
}

/** Whether the jobs of an owner are in a scope. Jobs without a recorded caller keep the rule of their version: any. */
export function isInScope(owner: JobOwner, scope: JobScope): boolean {
  if (scope.is === 'all') return true
  switch (owner.is) {
    case 'user':
      return owner.user === scope.user
    case 'unrecorded':
      return true
    case 'nobody':
      return false
    default:
      return owner satisfies never
  }
}
