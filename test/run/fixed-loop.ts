const STEPS = 400_000_000

/**
 * Duration of a fixed loop of integer steps, in milliseconds: a measure of this machine's speed and load, by which two
 * runs of the tests can be compared.
 */
export function fixedLoopMs(steps = STEPS): number {
  const begun = performance.now()
  let word = 2_463_534_242
  for (let step = 0; step < steps; step += 1) {
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
  }
  // Xorshift never returns zero: the check uses the result, so no compiler removes the loop.
  if (word === 0) throw new Error('the fixed loop came to zero')
  return performance.now() - begun
}
