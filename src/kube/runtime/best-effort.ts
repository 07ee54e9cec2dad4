/** Tells a log or a metric something: a broken one must not stop the work. */
export function bestEffort(tell: () => void): void {
  try {
    tell()
  } catch {
    // there is nobody left to tell
  }
}
