/** The kind of a work queue key. All kinds share one queue, so that creates of any kind go first. */
export type Kind = 'job' | 'runner' | 'pod' | 'pool' | 'proxy' | 'ledger' | 'message'

export function queueKey(kind: Kind, key: string): string {
  return `${kind}:${key}`
}

/** Takes a queue key apart. */
export function parseQueueKey(queued: string): { kind: string; key: string } {
  const colon = queued.indexOf(':')
  return { kind: queued.slice(0, colon), key: queued.slice(colon + 1) }
}
