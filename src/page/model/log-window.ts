/** Which blocks of a long list are in view, by the heights of all blocks. */
export interface BlockWindow {
  first: number
  /** One after the last. */
  end: number
  /** Heights of what is before and after them. */
  before: number
  after: number
}

/** The blocks between two positions, with a margin on either side. */
export function blocksBetween(heights: readonly number[], from: number, to: number): BlockWindow {
  let top = 0
  let first = heights.length
  let end = 0
  let before = 0
  let shown = 0
  for (const [index, height] of heights.entries()) {
    const bottom = top + height
    if (bottom >= from && top <= to) {
      if (index < first) {
        first = index
        before = top
      }
      end = index + 1
      shown += height
    }
    top = bottom
  }
  if (end === 0) return { first: 0, end: 0, before: 0, after: top }
  return { first, end, before, after: top - before - shown }
}
