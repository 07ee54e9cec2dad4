/** What a key of the work queue is about. All kinds share one queue, so that creates of any kind go first. */
export type Kind = 'job' | 'runner' | 'pod' | 'pool'

export function queueKey(kind: Kind, key: string): string {
  return `${kind}:${key}`
}

/** Takes a queue key apart. */
export function parseQueueKey(queueKey: string): { kind: string; key: string } {
  const colon = queueKey.indexOf(':')
  return { kind: queueKey.slice(0, colon), key: queueKey.slice(colon + 1) }
}
