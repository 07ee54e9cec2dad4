/** The number, where it is a whole one of at least 1; otherwise this throws, naming what it is. */
export function atLeastOne(what: string, number: number): number {
  if (Number.isSafeInteger(number) && number >= 1) return number
  throw new RangeError(`${what} must be a whole number of at least 1, not ${number}`)
}
