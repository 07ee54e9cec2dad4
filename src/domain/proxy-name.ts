import { hash } from 'node:crypto'

/** The name of the Runner, and of the Lease, of a proxy runner: what it calls itself is free text, and stays apart. */
export function proxyName(displayName: string): string {
  return `proxy-${hash('sha256', displayName).slice(0, 20)}`
}
