import { hash } from 'node:crypto'

/** What is kept of a token or a long question, to find it again: short, and no secret. */
export function digest(text: string): string {
  return hash('sha256', text, 'base64')
}
