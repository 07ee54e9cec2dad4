import { positive } from '../faults/schedules/settings.ts'

/** How long and how hard a soak is. */
export interface SoakSettings {
  minutes: number
  perSecond: number
}

/** The settings of `make soak`. */
export function soakSettings(env: Readonly<Record<string, string | undefined>>): SoakSettings {
  const { SOAK_MINUTES: minutes = '', SOAK_RATE: rate = '' } = env
  return { minutes: positive('MINUTES', minutes), perSecond: positive('RATE', rate) }
}
