import { createHash } from 'node:crypto'

/** The name of the Runner, and of the Lease, of a proxy runner: what it calls itself is free text, and stays apart. */
export function proxyName(displayName: string): string {
  return `proxy-${createHash('sha256').update(displayName).digest('hex').slice(0, 20)}`
}
