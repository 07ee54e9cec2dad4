import { explain, StepFailed } from '../../config/local/run.d/step-failed.ts'
import { type Installation, install } from './installation.ts'

export interface InstalledOptions {
  /** An operator of the suite's own, which it may ill-treat. Otherwise all suites share one. */
  own?: boolean
  /** What the tests of the suite need besides. */
  setUp?: (hub: Installation) => Promise<unknown>
}

const installations: Promise<Installation>[] = []
let shared: Promise<Installation> | undefined

/** Has an operator deployed before the tests of a suite. It is removed after the last test of all. */
export function installed({ own = false, setUp }: InstalledOptions = {}): () => Installation {
  let hub: Installation | undefined

  before(async () => {
    hub = await (own ? installOne() : (shared ??= installOne()))
    await setUp?.(hub)
  })

  return () => {
    if (hub === undefined) throw new Error('nothing is installed')
    return hub
  }
}

after(async () => {
  for (const installation of await Promise.allSettled(installations)) {
    if (installation.status === 'fulfilled') await installation.value.close()
  }
})

function installOne(): Promise<Installation> {
  const installation = install().catch((error: unknown) => {
    throw error instanceof StepFailed ? new Error(explain(error), { cause: error }) : error
  })
  installations.push(installation)
  return installation
}
