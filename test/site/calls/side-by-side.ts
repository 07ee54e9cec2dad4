/**
 * Tests that mostly wait, run in parallel: all begin together, and each reports under its own name. Each needs its own
 * site.
 */
export function sideBySide(cases: Readonly<Record<string, () => Promise<void>>>): void {
  const running = new Map<string, Promise<void>>()

  before(() => {
    for (const [name, run] of Object.entries(cases)) {
      const result = run()
      result.catch(() => {}) // its own test reports the failure
      running.set(name, result)
    }
  })

  for (const name of Object.keys(cases)) it(name, () => running.get(name))
}
