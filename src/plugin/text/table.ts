import stringWidth from 'string-width'
import { plain } from './plain.ts'

/** The blanks between two columns, as in kubectl. */
const GAP = 3

/** Columns of text, as wide as their widest cell so far: rows that come later stay below the heading. */
export class Table {
  readonly #columns: readonly string[]
  #widths: number[]

  constructor(columns: readonly string[]) {
    this.#columns = columns
    this.#widths = columns.map((name) => widthOf(name))
  }

  /** The heading and the rows, one line each. */
  whole(rows: readonly (readonly string[])[], { heading = true } = {}): string {
    const clean = rows.map((row) => row.map(plain))
    for (const row of clean) this.#fit(row)
    return [...(heading ? [this.#columns] : []), ...clean].map((cells) => this.#line(cells)).join('')
  }

  #fit(row: readonly string[]): void {
    this.#widths = this.#widths.map((width, index) => Math.max(width, widthOf(row[index] ?? '')))
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((cell, index) => {
      const missing = (this.#widths[index] ?? 0) + GAP - widthOf(cell)
      return index === cells.length - 1 ? cell : cell + ' '.repeat(Math.max(missing, 1))
    })
    return `${padded.join('').trimEnd()}\n`
  }
}

/** Most cells of thousands of rows are of plain letters, which need no look at each character. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text)
}
