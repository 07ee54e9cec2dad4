import { positive } from '../faults/schedules/settings.ts'

/** How much a process has to bear. */
export interface LimitSettings {
  connections: number
  jobs: number
  /** Limit of its heap. */
  heapMib: number
}

/** The settings of `make limits`. */
export function limitSettings(env: Readonly<Record<string, string | undefined>>): LimitSettings {
  const { LIMIT_CONNECTIONS: connections = '', LIMIT_JOBS: jobs = '', LIMIT_HEAP: heap = '' } = env
  return {
    connections: positive('CONNECTIONS', connections),
    jobs: positive('JOBS', jobs),
    heapMib: positive('HEAP', heap),
  }
}
