/** The trials of a run: which seeds, for how long, and at which rate. */
export interface Settings {
  seeds: readonly number[]
  loadMs: number
  perSecond: number
}

/** Three seeds for eight seconds, side by side: what every run of the suite tries. */
const always: Settings = { seeds: [4, 16, 36], loadMs: 8000, perSecond: 5 }

/** The settings of `make faults`, or those of every run of the suite without them. */
export function settingsOf(env: Readonly<Record<string, string | undefined>>, anySeed: () => number): Settings {
  const { FAULT_SEEDS: seeds, FAULT_SEED: seed, FAULT_SECONDS: seconds, FAULT_RATE: rate } = env
  if (seeds === undefined) return always
  const first = seed === undefined || seed === '' ? anySeed() : positive('SEED', seed)
  const count = seed === undefined || seed === '' ? positive('SEEDS', seeds) : 1
  return {
    seeds: Array.from({ length: count }, (_, index) => first + index),
    loadMs: positive('SECONDS', seconds ?? '60') * 1000,
    perSecond: positive('RATE', rate ?? '20'),
  }
}

/** Reads a setting that is a whole number from 1 up. */
export function positive(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new TypeError(`${name}=${text}: must be a whole number from 1 up`)
}
