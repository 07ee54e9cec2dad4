import { ApiError, Forbidden } from '../../kube/client/errors.ts'
import type { Session } from '../session.ts'

/** What a check found. `skipped`: the caller may not look. */
export interface Finding {
  check: string
  is: 'ok' | 'warning' | 'failed' | 'skipped'
  text: string
  /** The command that mends it. */
  mend?: string
}

/** One thing that has to be right for jobs to run. It may find several faults. */
export interface Check {
  name: string
  look: (session: Session) => Promise<Omit<Finding, 'check'>[]>
}

/** Runs a check. A right that the caller lacks is no fault of the installation. */
export async function examine({ name, look }: Check, session: Session): Promise<Finding[]> {
  try {
    return (await look(session)).map((finding) => ({ check: name, ...finding }))
  } catch (error) {
    session.host.signal.throwIfAborted()
    if (error instanceof Forbidden) return [{ check: name, is: 'skipped', text: `you may not look: ${error.message}` }]
    if (error instanceof ApiError) return [{ check: name, is: 'failed', text: error.message }]
    throw error
  }
}

export function ok(text: string): Omit<Finding, 'check'> {
  return { is: 'ok', text }
}

export function failed(text: string, mend: string): Omit<Finding, 'check'> {
  return { is: 'failed', text, mend }
}

export function warning(text: string, mend: string): Omit<Finding, 'check'> {
  return { is: 'warning', text, mend }
}
