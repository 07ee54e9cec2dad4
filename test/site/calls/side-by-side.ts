/**
 * Tests that spend their time on waiting, run at the same time: all begin together, and each reports under its own
 * name. Each must have a site of its own.
 */
export function sideBySide(cases: Readonly<Record<string, () => Promise<void>>>): void {
  const running = new Map<string, Promise<void>>()

  before(() => {
    for (const [name, run] of Object.entries(cases)) {
      const result = run()
      result.catch(() => {}) // its own test tells
      running.set(name, result)
    }
  })

  for (const name of Object.keys(cases)) it(name, () => running.get(name))
}
