import { exitCodes, type ExitCode } from './exit.ts'
import { operatorsOf } from './doctor/operator-checks.ts'
import type { Host } from './host.ts'
import type { Session } from './session.ts'
import { documentOf } from './text/objects.ts'
import { plain } from './text/plain.ts'

export interface VersionOptions {
  client?: true | undefined
  output?: 'json' | 'yaml' | undefined
}

/** `version --client`: the version of this program. */
export async function clientVersion(host: Host, client: string, { output }: VersionOptions): Promise<void> {
  await host.out.write(output === undefined ? `Client: ${client}\n` : documentOf({ client }, output))
}

/** `version`: this program, and what the operator of the namespace is. */
export async function allVersions(session: Session, client: string, { output }: VersionOptions): Promise<ExitCode> {
  const { host, namespace } = session
  // Known also where the cluster does not answer.
  if (output === undefined) await clientVersion(host, client, {})
  const operators = (await operatorsOf(session)).flatMap(({ metadata, spec }) => {
    const version = metadata.labels?.['app.kubernetes.io/version'] ?? 'unknown'
    return spec.template.spec.containers.map(({ image = '' }) => ({ version, image }))
  })
  const lines = operators.map(({ version, image }) => `${version} (${image})`)
  if (lines.length === 0) lines.push(`none in namespace ${namespace}`)
  const text = lines.map((line) => `Operator: ${plain(line)}\n`).join('')
  await host.out.write(output === undefined ? text : documentOf({ client, operators }, output))
  return exitCodes.ok
}
