/** What the rule reads of a syntax tree's node, and of the linter. */
interface NewExpression {
  callee: { type: string; name?: string }
  arguments: unknown[]
}
interface Context {
  report(finding: { message: string; node: NewExpression }): void
}

/** Forbids `new Date()`: what the time is comes from the clock, so that tests can say it. `new Date(value)` is fine. */
const noWallClock = {
  create: (context: Context) => ({
    NewExpression(node: NewExpression): void {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'Date' || node.arguments.length > 0) return
      context.report({ message: 'Take the time from a Clock (src/kube/runtime/clock.ts), or as an argument.', node })
    },
  }),
}

// The linter loads a plugin by its default export.
export default { meta: { name: 'runnerhub' }, rules: { 'no-wall-clock': noWallClock } }
