import { Unreachable } from './errors.ts'

const newline = 0x0a

/**
 * The lines of a body, however its bytes are cut: as many at a time as came together, at least one. Characters are
 * decoded only when their line is complete. A body that ends inside a line was cut off.
 */
export async function* watchLines(
  body: AsyncIterable<Uint8Array>,
  onBytes?: () => void,
): AsyncGenerator<string[], void, undefined> {
  let begun: Uint8Array[] = []
  for await (const chunk of body) {
    onBytes?.()
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const last = chunk.subarray(from, end)
      const line = textOf(begun.length === 0 ? last : Buffer.concat([...begun, last]))
      begun = []
      from = end + 1
      if (line.trim() !== '') lines.push(line)
    }
    if (from < chunk.length) begun.push(chunk.subarray(from))
    if (lines.length > 0) yield lines
  }
  if (begun.length > 0) throw new Unreachable('the body ended inside a line')
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
