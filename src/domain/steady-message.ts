/**
 * The message to show when a trouble is reported again: the known one, if the new one only differs in numbers (a port,
 * an id, a time) or lacks the cause. Each change of the message costs a write.
 */
export function steadyMessage(known: string | undefined, message: string): string {
  if (known === undefined) return message
  const [before, now] = [known, message].map(parts)
  if (before === undefined || now === undefined || before.head !== now.head) return message
  return now.cause === '' || withoutNumbers(before.cause) === withoutNumbers(now.cause) ? known : message
}

/** The problem, and after the first colon its cause. */
function parts(text: string): { head: string; cause: string } {
  const colon = text.indexOf(': ')
  return colon < 0 ? { head: text, cause: '' } : { head: text.slice(0, colon), cause: text.slice(colon + 2) }
}

/** Hexadecimal ids count as numbers. */
function withoutNumbers(text: string): string {
  return text.replaceAll(/[0-9a-f]*\d[0-9a-f]*/gi, '#')
}
