/** Whether the whole text matches the glob, in which * is any text. Takes linear time: the pieces between stars come from left to right. */
export function matchesGlob(glob: string, text: string): boolean {
  const [head = '', ...rest] = glob.split('*')
  if (!text.startsWith(head)) return false
  const tail = rest.pop()
  if (tail === undefined) return text === head
  let at = head.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - tail.length >= at && text.endsWith(tail)
}
