import { exitCodes, type ExitCode } from './exit.ts'
import { operatorsOf } from './doctor/operator-checks.ts'
import type { Session } from './session.ts'
import { plain } from './text/plain.ts'

export interface VersionOptions {
  client?: true | undefined
}

/** The second half of `version`: what the operator is. */
export async function operatorVersion(session: Session): Promise<ExitCode> {
  const images = (await operatorsOf(session)).flatMap(({ metadata, spec }) => {
    const version = metadata.labels?.['app.kubernetes.io/version'] ?? 'unknown'
    return spec.template.spec.containers.map(({ image = '' }) => `Operator: ${version} (${image})`)
  })
  const lines = images.length > 0 ? images : [`Operator: none in namespace ${session.namespace}`]
  await session.host.out.write(lines.map((line) => `${plain(line)}\n`).join(''))
  return exitCodes.ok
}
