import type { CancelOptions } from './jobs/cancel.ts'
import type { DelegateOptions } from './jobs/delegate.ts'
import type { ListOptions } from './jobs/list.ts'
import type { WhyOptions } from './jobs/why.ts'
import type { LogsOptions } from './logs/logs.ts'
import type { DoctorOptions } from './doctor/doctor.ts'
import type { TopOptions } from './top/top.ts'
import type { Shell } from './completion/scripts.ts'
import type { VersionOptions } from './version.ts'
import type { Where } from './session.ts'

/** What each command does, with its parsed arguments. */
export interface Handlers {
  delegate(where: Where, repository: string, options: DelegateOptions): Promise<void>
  list(where: Where, options: ListOptions): Promise<void>
  logs(where: Where, job: string, options: LogsOptions): Promise<void>
  why(where: Where, job: string, options: WhyOptions): Promise<void>
  cancel(where: Where, jobs: readonly string[], options: CancelOptions): Promise<void>
  top(where: Where, options: TopOptions): Promise<void>
  doctor(where: Where, options: DoctorOptions): Promise<void>
  completion(shell: Shell): Promise<void>
  version(where: Where, options: VersionOptions): Promise<void>
}
