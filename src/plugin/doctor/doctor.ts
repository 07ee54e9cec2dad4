import { exitCodes, type ExitCode } from '../exit.ts'
import type { Session } from '../session.ts'
import { documentOf } from '../text/objects.ts'
import { hasColours, paint } from '../text/paint.ts'
import { plain } from '../text/plain.ts'
import { Progress } from '../text/progress.ts'
import { type Check, examine, type Finding } from './finding.ts'
import { facadeAnswers, leaderLives, operatorRuns } from './operator-checks.ts'
import { crdsAreThere, poolsAreReady } from './resource-checks.ts'
import { callerMay, operatorMay } from './rights-checks.ts'
import { metricsAreScraped, tokensExist } from './secret-checks.ts'
import { webhooksAnswer } from './webhook-check.ts'

export interface DoctorOptions {
  output?: 'json' | 'yaml' | undefined
}

/** From what everything else needs to what only callers need. */
const checks: readonly Check[] = [
  crdsAreThere,
  callerMay,
  operatorRuns,
  operatorMay,
  leaderLives,
  webhooksAnswer,
  poolsAreReady,
  facadeAnswers,
  tokensExist,
  metricsAreScraped,
]

/** `doctor`: examines an installation, and gives the command that mends each fault. It changes nothing. */
export async function doctor(session: Session, { output }: DoctorOptions): Promise<ExitCode> {
  const { host } = session
  const progress = new Progress(host)
  const findings: Finding[] = []
  for (const check of checks) {
    progress.show(`examining: ${check.name}`)
    const found = await examine(check, session)
    findings.push(...found)
    progress.clear()
    if (output === undefined) await host.out.write(linesOf(found, hasColours(host.out, host)))
  }
  if (output !== undefined) await host.out.write(documentOf({ findings }, output))
  return findings.some(({ is }) => is === 'failed') ? exitCodes.failed : exitCodes.ok
}

const marks = {
  ok: ['ok', 'green'],
  warning: ['warn', 'yellow'],
  failed: ['FAIL', 'red'],
  skipped: ['skip', 'dim'],
} as const

/** One line for each finding, and one for the command that mends it. */
export function linesOf(findings: readonly Finding[], isPainted: boolean): string {
  return findings
    .map(({ check, is, text, mend }) => {
      const [mark, style] = marks[is]
      const line = `${paint(mark.padEnd(4), style, isPainted)}  ${check.padEnd(16)} ${plain(text)}\n`
      return mend === undefined ? line : `${line}      ${''.padEnd(16)} mend: ${plain(mend)}\n`
    })
    .join('')
}
