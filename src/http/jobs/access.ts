import type { Authorizer } from '../../auth/authority.ts'
import { permissions } from '../../auth/permissions.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isInScope, type JobScope, ownerOf } from '../../domain/job/ownership.ts'
import type { FacadeContext, FacadeDeps } from '../context.ts'
import { notFound } from '../http-error.ts'
import { requestSignal } from '../input/request-signal.ts'
import { isAllowed } from '../middleware/require-auth.ts'
import { findJob } from './find.ts'

type Request = Pick<FacadeContext, 'state' | 'set' | 'method' | 'req' | 'res'> & { params: Record<string, string> }

/** Gives each request the jobs that its caller may use, and no others. */
export class JobAccess {
  readonly #deps: FacadeDeps
  readonly #authority: Authorizer

  constructor(deps: FacadeDeps, authority: Authorizer) {
    this.#deps = deps
    this.#authority = authority
  }

  /** The job that the path names. A job of another caller is a 404, as one that does not exist. */
  async jobOf(ctx: Request): Promise<RunnerJob> {
    const job = await findJob(this.#deps, ctx.params['id'] ?? '', requestSignal(ctx))
    if (isInScope(ownerOf(job), { is: 'own', user: userOf(ctx) })) return job
    if ((await this.scopeOf(ctx)).is === 'own') throw notFound('job')
    ctx.state.usesAllJobs = true
    return job
  }

  /** The jobs of the caller. */
  async scopeOf(ctx: Request): Promise<JobScope> {
    const isReading = ctx.method === 'GET' || ctx.method === 'HEAD'
    const isAll = await isAllowed(ctx, this.#authority, permissions.useAllJobs, { isReading })
    return isAll ? { is: 'all' } : { is: 'own', user: userOf(ctx) }
  }
}

function userOf({ state }: Request): string {
  return state.caller?.user ?? ''
}
