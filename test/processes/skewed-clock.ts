/** Preloaded into a process, it sets its wall clock off by SKEW_MS. Its monotonic clock and its timers stay right. */
const skewMs = Number(process.env['SKEW_MS'])
const machineNow = Date.now.bind(Date)

class SkewedDate extends Date {
  constructor(...parts: ConstructorParameters<typeof Date> | []) {
    if (parts.length === 0) super(machineNow() + skewMs)
    else super(...parts)
  }

  static override now(): number {
    return machineNow() + skewMs
  }
}

Reflect.set(globalThis, 'Date', SkewedDate)
