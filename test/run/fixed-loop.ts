const STEPS = 400_000_000

/**
 * Milliseconds that a loop of integer steps takes, which never changes: how fast this machine is, and how busy with
 * other things. Two runs of the tests are compared by it.
 */
export function fixedLoopMs(steps = STEPS): number {
  const begun = performance.now()
  let word = 2_463_534_242
  for (let step = 0; step < steps; step += 1) {
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
  }
  // Xorshift never comes to zero: what is computed is used, so no compiler leaves it out.
  if (word === 0) throw new Error('the fixed loop came to zero')
  return performance.now() - begun
}
