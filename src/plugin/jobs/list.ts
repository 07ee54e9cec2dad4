import { jobPhases, type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { exitCodes, type ExitCode, Failure } from '../exit.ts'
import { pagesOf, type Selection } from '../pages.ts'
import type { Session } from '../session.ts'
import { jsonOf, ListWriter, nameOf, wholeObject } from '../text/objects.ts'
import { Progress } from '../text/progress.ts'
import { Table } from '../text/table.ts'
import { watched } from '../watched.ts'
import { byAge, jobColumns, jobRow, type JobRow, type JobTable } from './job-rows.ts'

export interface ListOptions {
  output?: 'json' | 'yaml' | 'wide' | 'name' | undefined
  selector?: string | undefined
  fieldSelector?: string | undefined
  phase?: string | undefined
  repository?: string | undefined
  allNamespaces?: true | undefined
  watch?: true | undefined
  headers: boolean
}

/** `list`: the jobs of a namespace, newest first, and with --watch each change of them. */
export async function list(session: Session, options: ListOptions): Promise<ExitCode> {
  const selection = selectionOf(session, options)
  if (options.watch === true) return await watchJobs(session, options, selection)
  const { output } = options
  if (output === 'json' || output === 'yaml' || output === 'name') await printObjects(session, output, selection)
  else await printTable(session, options, selection)
  return exitCodes.ok
}

function selectionOf({ namespace }: Session, options: ListOptions): Selection {
  const { selector, fieldSelector, phase, repository, allNamespaces } = options
  const fields = [
    ...(fieldSelector === undefined ? [] : [fieldSelector]),
    ...(phase === undefined ? [] : [`status.phase=${phaseNamed(phase)}`]),
    ...(repository === undefined ? [] : [`spec.repository=${repository.replaceAll(/[\\,=]/g, String.raw`\$&`)}`]),
  ]
  return {
    namespace: allNamespaces === true ? undefined : namespace,
    ...(selector !== undefined && { labelSelector: selector }),
    ...(fields.length > 0 && { fieldSelector: fields.join(',') }),
  }
}

function phaseNamed(word: string): string {
  const phase = jobPhases.find((each) => each.toLowerCase() === word.toLowerCase())
  if (phase !== undefined) return phase
  throw new Failure(`there is no phase "${word}": phases are ${jobPhases.join(', ')}`, exitCodes.usage)
}

async function printObjects(session: Session, output: 'json' | 'yaml' | 'name', selection: Selection): Promise<void> {
  const { out } = session.host
  const writer = output === 'name' ? undefined : new ListWriter(output)
  for await (const page of pagesOf(session, runnerJobs, selection)) {
    const texts = page.map((job) => writer?.item(wholeObject(runnerJobs, job)) ?? `${nameOf(runnerJobs, job)}\n`)
    await out.write(texts.join(''))
  }
  if (writer !== undefined) await out.write(writer.end())
}

async function printTable(session: Session, options: ListOptions, selection: Selection): Promise<void> {
  const { out, err, clock } = session.host
  const style = tableOf(options)
  const rows: JobRow[] = []
  for await (const page of pagesOf(session, runnerJobs, selection)) {
    rows.push(...page.map((job) => jobRow(job, style)))
  }
  if (rows.length === 0) return await err.write(`No jobs found${placeOf(selection)}.\n`)
  const now = clock.now().toISOString()
  const cells = rows.sort(byAge).map((row) => row.cells(now))
  await out.write(new Table(jobColumns(style)).whole(cells, { heading: options.headers }))
}

function tableOf({ output, allNamespaces }: ListOptions): JobTable {
  return { isWide: output === 'wide', allNamespaces: allNamespaces === true }
}

function placeOf({ namespace }: Selection): string {
  return namespace === undefined ? '' : ` in namespace ${namespace}`
}

async function watchJobs(session: Session, options: ListOptions, selection: Selection): Promise<ExitCode> {
  const { out, clock, signal } = session.host
  const style = tableOf(options)
  const table = new Table(jobColumns(style))
  const progress = new Progress(session.host)
  const lineOf = (job: RunnerJob): string => {
    if (options.output === 'name') return `${nameOf(runnerJobs, job)}\n`
    if (options.output === 'json' || options.output === 'yaml') return `${jsonOf(wholeObject(runnerJobs, job))}\n`
    return table.whole([jobRow(job, style).cells(clock.now().toISOString())], { heading: false })
  }
  const onTrouble = (message: string): void => progress.show(`contact lost, trying again: ${message}`)
  return await watched(session, { resource: runnerJobs, ...selection, onTrouble }, async (store) => {
    const first = [...store.list()]
      .map((job) => ({ job, row: jobRow(job, style) }))
      .sort((a, b) => -byAge(a.row, b.row))
    const isTable = options.output === undefined || options.output === 'wide'
    const cells = first.map(({ row }) => row.cells(clock.now().toISOString()))
    const text = isTable
      ? table.whole(cells, { heading: options.headers })
      : first.map(({ job }) => lineOf(job)).join('')
    const unsubscribe = store.onChange(({ now }) => {
      progress.clear()
      if (now !== undefined) void out.write(lineOf(now))
    })
    try {
      await out.write(text)
      return await new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    } finally {
      unsubscribe()
      progress.clear()
    }
  })
}
