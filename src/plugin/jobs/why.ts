import type { RunnerJob } from '../../api/runner-job.ts'
import { Forbidden } from '../../kube/client/errors.ts'
import { events, type KubeEvent } from '../../kube/events/event.ts'
import { exitCodes, type ExitCode } from '../exit.ts'
import { allOf } from '../pages.ts'
import type { Session } from '../session.ts'
import { documentOf } from '../text/objects.ts'
import { hasColours, paint } from '../text/paint.ts'
import { plain } from '../text/plain.ts'
import { spanOf } from '../text/span.ts'
import { explain, type Explanation } from './explanation.ts'
import { findJob } from './job-name.ts'

export interface WhyOptions {
  output?: 'json' | 'yaml' | undefined
}

/** How many warnings are shown. */
const MOST_WARNINGS = 5

/** `why`: says why a job waits or failed, and what would help. */
export async function why(session: Session, word: string, { output }: WhyOptions): Promise<ExitCode> {
  const job = await findJob(session, word)
  const explanation = explain(job, await warningsOf(session, job), session.flags)
  const { host } = session
  const isPainted = hasColours(host.out, host)
  const text =
    output === undefined ? textOf(explanation, host.clock.now().getTime(), isPainted) : documentOf(explanation, output)
  await host.out.write(text)
  return exitCodes.ok
}

async function warningsOf(session: Session, { status }: RunnerJob): Promise<Explanation['warnings']> {
  if (status.podUID === undefined) return []
  const selection = { namespace: session.namespace, fieldSelector: `regarding.uid=${status.podUID},type=Warning` }
  const found = await allOf(session, events, selection).catch((error: unknown) => {
    // Whoever may read jobs need not read Events.
    if (error instanceof Forbidden) return []
    throw error
  })
  const warnings = found.map((event) => ({ reason: event.reason, note: event.note, at: timeOf(event) }))
  return warnings.sort((a, b) => a.at.localeCompare(b.at)).slice(-MOST_WARNINGS)
}

function timeOf({ series, eventTime, deprecatedLastTimestamp, metadata }: KubeEvent): string {
  return series?.lastObservedTime ?? eventTime ?? deprecatedLastTimestamp ?? metadata.creationTimestamp
}

/** The explanation for people, one thought per line. */
export function textOf(explanation: Explanation, nowMs: number, isPainted: boolean): string {
  const { name, repository, workflow, phase, reason, meaning, message, help } = explanation
  const { stages, attempts, warnings, commands, queuePosition } = explanation
  const what = [repository, ...(workflow === undefined || workflow === '' ? [] : [workflow])].join(', ')
  const since = Date.parse(stages.at(-1)?.at ?? '')
  const ago = (at: string): string => `${spanOf(nowMs - Date.parse(at))} ago`
  const bold = (text: string): string => paint(text, 'bold', isPainted)
  const unknown = reason === undefined ? undefined : 'This version of the plugin does not know the reason.'
  const lines: [label: string, text: string | undefined][] = [
    ['Reason', reason === undefined ? undefined : `${reason}: ${meaning ?? unknown}`],
    ['Message', message],
    ['What helps', help],
    ['Queue', queuePosition === undefined ? undefined : `about position ${queuePosition}`],
    ['Stages', stages.map((stage) => `${stage.name} ${ago(stage.at)}`).join(', ')],
    ...attempts.map((each): [string, string] => {
      const place = each.node === undefined ? '' : ` on ${each.node}`
      return [`Attempt ${each.number}`, `${each.reason}${place}, ${ago(each.at)}: ${each.message}`]
    }),
    ...warnings.map((each): [string, string] => ['Warning', `${each.reason}, ${ago(each.at)}: ${each.note}`]),
    ...commands.map((each): [string, string] => ['See also', each]),
  ]
  const shown = lines.flatMap(([label, text]) =>
    text === undefined || text === '' ? [] : [`  ${bold(`${label}:`.padEnd(12))} ${plain(text)}\n`],
  )
  const state = Number.isNaN(since) ? phase : `${phase} for ${spanOf(nowMs - since)}`
  return `${bold(plain(name))} is ${state} (${plain(what)})\n${shown.join('')}`
}
