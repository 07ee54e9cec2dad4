import { Draw } from '../../random/draw.ts'

/** How a job is to end. A deleted job leaves nothing. */
const fates = ['Completed', 'Failed', 'Cancelled', 'deleted'] as const
export type Fate = (typeof fates)[number]

/** Seven in ten complete. */
const mix: readonly [Fate, ...Fate[]] = ['Completed', ...Array<Fate>(6).fill('Completed'), ...fates.slice(1)]

/** A job of the load. */
export interface Arrival {
  /** Its `jobId`, which its pod knows too. */
  jobId: string
  atMs: number
  /** Delegated to one of the facades, without or with its message, or created like with kubectl. */
  via: 'facade' | 'message' | 'kubernetes'
  fate: Fate
  /** How long its pod runs, or after what time it is cancelled or deleted. */
  forMs: number
  /** How many lines its log has. */
  lines: number
}

/** A job whose creation was acknowledged. */
export interface Acknowledged extends Arrival {
  /** The name of its RunnerJob. */
  name: string
  /** The monotonic time at which the client first asked for it. */
  dueAt: number
}

/** The exit code of a job that fails: with a message, it is the runner's own number for that. */
export function failureCode({ via }: Pick<Arrival, 'via'>): number {
  return via === 'message' ? 102 : 3
}

/** The jobs of a load, at an even rate. */
export function arrivalsOf(seed: number, { loadMs, perSecond }: { loadMs: number; perSecond: number }): Arrival[] {
  const draw = new Draw(seed)
  return Array.from({ length: Math.floor((loadMs * perSecond) / 1000) }, (_, index) => ({
    jobId: `${seed}-${index}`,
    atMs: Math.round((index * 1000) / perSecond),
    via: draw.oneOf(['facade', 'message', 'kubernetes']),
    fate: draw.oneOf(mix),
    forMs: draw.within(0, 1500),
    lines: draw.within(1, 60),
  }))
}
