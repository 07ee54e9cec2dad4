import { JOB_UID_LABEL } from '../../api/names.ts'
import type { KubeObject, Resource } from '../../api/object.ts'
import { pods } from '../../api/pod.ts'
import { runnerJobs } from '../../api/runner-job.ts'
import { runnerPools } from '../../api/runner-pool.ts'
import { runners } from '../../api/runner.ts'
import { exitCodes, type ExitCode } from '../exit.ts'
import { allOf } from '../pages.ts'
import type { Session } from '../session.ts'
import { documentOf } from '../text/objects.ts'
import { watched } from '../watched.ts'
import { loadTable } from './load-table.ts'
import { poolLoads, type Stock } from './pool-load.ts'

export interface TopOptions {
  once?: true | undefined
  output?: 'json' | 'yaml' | 'wide' | undefined
}

/** How often the live table is drawn. */
const DRAW_MS = 1000

const unfinished = ['Completed', 'Failed', 'Cancelled'].map((phase) => `status.phase!=${phase}`).join(',')

/** `top`: pools, slots and queue; live on a terminal, once elsewhere. */
export async function top(session: Session, { once, output }: TopOptions): Promise<ExitCode> {
  const { out } = session.host
  const isTable = output === undefined || output === 'wide'
  const isWide = output === 'wide'
  if (isTable && once !== true && out.isTerminal) return await live(session, isWide)
  const { namespace } = session
  const stock = {
    pools: await allOf(session, runnerPools, { namespace }),
    jobs: await allOf(session, runnerJobs, { namespace, fieldSelector: unfinished }),
    runners: await allOf(session, runners, { namespace }),
    pods: await allOf(session, pods, { namespace, labelSelector: JOB_UID_LABEL }),
  }
  await out.write(isTable ? tableOf(session, stock, isWide) : documentOf({ pools: poolLoads(stock) }, output))
  return exitCodes.ok
}

function tableOf({ host }: Session, stock: Stock, isWide: boolean): string {
  return loadTable(poolLoads(stock), host.clock.now().toISOString(), isWide)
}

/** Another screen without a cursor, which leaves what was on the terminal before. */
const enter = '\u001b[?1049h\u001b[?25l'
const leave = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H\u001b[J'

async function live(session: Session, isWide: boolean): Promise<ExitCode> {
  const { namespace, host } = session
  const lost = new Set<string>()
  const watch = <T extends KubeObject>(
    { resource, ...selectors }: { resource: Resource<T>; fieldSelector?: string; labelSelector?: string },
    use: (objects: () => T[]) => Promise<ExitCode>,
  ): Promise<ExitCode> => {
    const onTrouble = (): void => void lost.add(resource.plural)
    return watched(session, { resource, namespace, ...selectors, onTrouble }, (store) => use(() => [...store.list()]))
  }
  return await watch({ resource: runnerPools }, (allPools) =>
    watch({ resource: runnerJobs, fieldSelector: unfinished }, (allJobs) =>
      watch({ resource: runners }, (allRunners) =>
        watch({ resource: pods, labelSelector: JOB_UID_LABEL }, async (allPods) => {
          await host.out.write(enter)
          try {
            for (;;) {
              const stock = { pools: allPools(), jobs: allJobs(), runners: allRunners(), pods: allPods() }
              await draw(session, stock, { isLost: lost.size > 0, isWide })
              lost.clear()
              await host.clock.sleep(DRAW_MS, host.signal)
            }
          } finally {
            await host.out.write(leave)
          }
        }),
      ),
    ),
  )
}

interface DrawOptions {
  isLost: boolean
  isWide: boolean
}

async function draw(session: Session, stock: Stock, { isLost, isWide }: DrawOptions): Promise<void> {
  const { host, namespace } = session
  const { columns, rows } = host.out
  const state = isLost ? 'contact lost, trying again' : 'Ctrl-C ends'
  const title = `${namespace}  ${host.clock.now().toISOString().slice(11, 19)}  ${state}`
  const lines = [title, '', ...tableOf(session, stock, isWide).trimEnd().split('\n')]
  const room = Math.max(rows - 1, 5)
  const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.at(-1) ?? ''}`]
  await host.out.write(home + shown.map((line) => line.slice(0, columns)).join('\r\n'))
}
