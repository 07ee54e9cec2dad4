import { open, stat } from 'node:fs/promises'
import { asObject } from '../../src/kube/client/parse.ts'

/** One completed request in the API server's audit log. */
interface Audited {
  verb: string
  user: string
  group: string
  userAgent: string
  /** Its token, by the API server's name for it. */
  credential: string
  /** When the request arrived, and when its response was complete: milliseconds since the epoch. */
  receivedAt: number
  completedAt: number
  resource: string
  subresource: string
  namespace: string
  name: string
  code: number
  isDryRun: boolean
}

/** A request with a mutating verb. */
export type AuditedWrite = Omit<Audited, 'group'>

/** Read-only verbs. */
export const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch'])

/** The column of each of the operator's writes. */
export type Column = 'counted' | 'events' | 'leases' | 'reviews' | 'dryRuns' | 'deletes' | 'pools' | 'other'

const counted = new Set(['runnerjobs', 'runners', 'pods'])
const budgeted = new Set(['create', 'update', 'patch'])

/** The audit log of an API server, since its creation or its last mark. */
export class AuditLog {
  readonly #path: string
  #from = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Ignores everything written until now. */
  async mark(): Promise<void> {
    this.#from = (await stat(this.#path)).size
  }

  /** Every completed write in a namespace since the mark, of any user and with any status code. */
  async writes(namespace: string): Promise<AuditedWrite[]> {
    const found = await this.#read((line) => line.includes(namespace))
    return found.filter((request) => request.namespace === namespace && !reads.has(request.verb))
  }

  /** The RBAC permissions that accounts of this name, in any namespace, have used since the mark. */
  async rightsUsed(account: string): Promise<Set<string>> {
    const found = await this.#read((line) => line.includes(account) && line.includes('/decision":"allow"'))
    const own = found.filter(({ user }) => user.startsWith('system:serviceaccount:') && user.endsWith(`:${account}`))
    return new Set(
      own.map(({ verb, group, resource, subresource }) =>
        rightOf(verb, group, [resource, subresource].filter(Boolean)),
      ),
    )
  }

  async #read(isWanted: (line: string) => boolean): Promise<Audited[]> {
    const file = await open(this.#path)
    try {
      const found: Audited[] = []
      for await (const line of file.readLines({ start: this.#from })) if (isWanted(line)) found.push(...parse(line))
      return found
    } finally {
      await file.close()
    }
  }

  /** The successful writes of the operator's controllers, by column. */
  async columns(namespace: string): Promise<Record<Column, AuditedWrite[]>> {
    const done = (await this.writes(namespace)).filter((write) => isOfControllers(write) && write.code < 300)
    return inColumns(done)
  }
}

/** A permission as an RBAC rule grants it: `update runnerhub.dev/runnerjobs/status`. */
export function rightOf(verb: string, group: string, resource: string[]): string {
  return `${verb} ${[group === '' ? 'core' : group, ...resource].join('/')}`
}

/** Writes as a list of words, for the message of a failure. */
export function inWords(writes: readonly AuditedWrite[]): string[] {
  return writes.map(({ verb, resource, subresource, name, code }) => {
    const target = subresource === '' ? resource : `${resource}/${subresource}`
    return `${verb} ${target} ${name}${code < 300 ? '' : ` (${code})`}`
  })
}

/** Whether the controllers or their leader election sent the request: the facade's writes belong to its callers. */
export function isOfControllers({ userAgent }: Pick<AuditedWrite, 'userAgent'>): boolean {
  return /^runnerhub-(controller|lease)\//.test(userAgent)
}

type Kind = Pick<AuditedWrite, 'verb' | 'resource' | 'isDryRun'>

/** Each write in its column. */
export function inColumns<W extends Kind>(writes: readonly W[]): Record<Column, W[]> {
  const found: Record<Column, W[]> = {
    counted: [],
    events: [],
    leases: [],
    reviews: [],
    dryRuns: [],
    deletes: [],
    pools: [],
    other: [],
  }
  for (const write of writes) found[columnOf(write)].push(write)
  return found
}

function columnOf(write: Kind): Column {
  if (write.isDryRun) return 'dryRuns'
  if (write.resource === 'events') return 'events'
  if (write.resource === 'leases') return 'leases'
  if (write.resource.endsWith('reviews')) return 'reviews'
  if (write.verb === 'delete' || write.verb === 'deletecollection') return 'deletes'
  if (write.resource === 'runnerpools') return 'pools'
  return counted.has(write.resource) && budgeted.has(write.verb) ? 'counted' : 'other'
}

/** Ignores a partly written last line. */
function parse(line: string): Audited[] {
  if (!line.endsWith('}')) return []
  const value: unknown = JSON.parse(line)
  const event = asObject(value)
  const about = asObject(event['objectRef'])
  const user = asObject(event['user'])
  return [
    {
      verb: text(event['verb']),
      user: text(user['username']),
      group: text(about['apiGroup']),
      userAgent: text(event['userAgent']),
      credential: [asObject(user['extra'])['authentication.kubernetes.io/credential-id']].flat().map(text).join(),
      receivedAt: Date.parse(text(event['requestReceivedTimestamp'])),
      completedAt: Date.parse(text(event['stageTimestamp'])),
      resource: text(about['resource']),
      subresource: text(about['subresource']),
      namespace: text(about['namespace']),
      name: text(about['name']),
      code: Number(asObject(event['responseStatus'])['code'] ?? 0),
      isDryRun: text(event['requestURI']).includes('dryRun='),
    },
  ]
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
