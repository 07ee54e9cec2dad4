/** Calls a log or a metric; a broken one must not stop the work. */
export function bestEffort(report: () => void): void {
  try {
    report()
  } catch {
    // best effort: nothing to report to
  }
}
