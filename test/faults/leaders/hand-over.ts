import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import { type AuditedWrite, type AuditLog, inWords } from '../../observe/audit.ts'
import type { Site } from '../../site/site.ts'

/** Who wrote when during a change of leader, by the API server's audit log. */
export class HandOver {
  readonly #audit: AuditLog
  readonly #namespace: string

  private constructor(audit: AuditLog, namespace: string) {
    this.#audit = audit
    this.#namespace = namespace
  }

  /** From now on. */
  static async begin(site: Site): Promise<HandOver> {
    const audit = site.plane.audit()
    await audit.mark()
    return new HandOver(audit, site.namespace)
  }

  /** When the Lease first was the replica's, in milliseconds since the epoch. */
  async tookOverAt({ token }: { token: string }): Promise<number> {
    const taken = (await this.#writesOf(token)).find(
      ({ resource, name, code }) => resource === 'leases' && name === 'runnerhub' && code === 200,
    )
    if (taken === undefined) throw new Error('the replica has not taken the Lease')
    return taken.completedAt
  }

  /** The writes of a replica that the API server completed after this moment. */
  async writesSince({ token }: { token: string }, at: number): Promise<AuditedWrite[]> {
    return (await this.#writesOf(token)).filter(({ completedAt }) => completedAt > at)
  }

  /** The replica took over in time after the fault, and from then on the other wrote nothing. */
  async expectOne({ from, to }: Record<'from' | 'to', { token: string }>, faultAt: number, withinMs: number) {
    const tookOverAt = await this.tookOverAt(to)
    expect(tookOverAt - faultAt, 'milliseconds from the fault to the first write of the new leader')
      .to.be.above(0)
      .and.at.most(withinMs)
    expect(inWords(await this.writesSince(from, tookOverAt)), 'writes of the old leader').to.deep.equal([])
  }

  async #writesOf(token: string): Promise<AuditedWrite[]> {
    const credential = `JTI=${idOf(token)}`
    return (await this.#audit.writes(this.#namespace)).filter((write) => write.credential === credential)
  }
}

/** The ID of a service account's token. */
function idOf(token: string): string {
  return String(asObject(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))['jti'])
}
