import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { asObject } from '../../../src/kube/client/parse.ts'
import { reads } from '../../observe/audit.ts'

/** One completed write on the API server. */
export interface Write {
  verb: string
  resource: string
  subresource: string
  namespace: string
  name: string
  userAgent: string
  code: number
  isDryRun: boolean
  /** Time of its response, by the API server's clock. */
  answeredMs: number
}

/** All writes so far, in no promised order. */
export async function readAuditLog(path: string): Promise<Write[]> {
  const writes: Write[] = []
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const write = parse(line)
    if (write !== undefined) writes.push(write)
  }
  return writes
}

/** Omits reads, and a partly written line. */
function parse(line: string): Write | undefined {
  let event: Record<string, unknown>
  try {
    event = asObject(JSON.parse(line))
  } catch {
    return undefined
  }
  const { resource, subresource, namespace, name } = asObject(event['objectRef'])
  if (reads.has(String(event['verb']))) return undefined
  return {
    verb: String(event['verb']),
    resource: String(resource),
    subresource: typeof subresource === 'string' ? subresource : '',
    namespace: String(namespace),
    name: String(name),
    userAgent: String(event['userAgent']),
    code: Number(asObject(event['responseStatus'])['code']),
    isDryRun: String(event['requestURI']).includes('dryRun='),
    answeredMs: Date.parse(String(event['stageTimestamp'])) + microseconds(String(event['stageTimestamp'])),
  }
}

/** Date has only milliseconds. */
function microseconds(timestamp: string): number {
  return Number(/\.\d{3}(\d{1,3})/.exec(timestamp)?.[1]?.padEnd(3, '0') ?? 0) / 1000
}

export function isPodCreate({ verb, resource, subresource, code, isDryRun }: Write): boolean {
  return verb === 'create' && resource === 'pods' && subresource === '' && code === 201 && !isDryRun
}

/** When the API server answered each create of a pod in this namespace. */
export function podCreateTimes(writes: readonly Write[], namespace: string): number[] {
  return writes
    .filter((write) => write.namespace === namespace && isPodCreate(write))
    .map(({ answeredMs }) => answeredMs)
}
