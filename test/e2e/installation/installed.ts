import { explain, StepFailed } from '../../../config/local/run.d/step-failed.ts'
import { installByChart } from './chart-installation.ts'
import type { Installation, Installed } from './installation.ts'
import { installByManifests } from './manifest-installation.ts'

export interface InstalledOptions {
  /** A separate operator for the suite, which it may disturb. Otherwise all suites share one, installed by the chart. */
  own?: keyof typeof ways
  /** Further setup of the suite. */
  setUp?: (hub: Installation) => Promise<unknown>
}

/** Settings that the tests of the shared operator rely on. */
const settings = {
  'settings.realtimeAnonymous': 'true',
  'settings.startTroubleSeconds': '3',
  'settings.heartbeatSeconds': '10',
}

const ways = { chart: () => installByChart(), manifests: installByManifests }

const installations: Promise<Installed>[] = []
let shared: Promise<Installed> | undefined

/** Deploys an operator before the tests of a suite. It is removed after the last test of all. */
export function installed({ own, setUp }: InstalledOptions = {}): () => Installation {
  let hub: Installation | undefined

  before(async function () {
    this.timeout('5m')
    const here = own === undefined ? (shared ??= keep(installByChart(settings))) : keep(ways[own]())
    ;({ hub } = await here)
    await setUp?.(hub)
  })

  return () => {
    if (hub === undefined) throw new Error('nothing is installed')
    return hub
  }
}

after(async function () {
  this.timeout('5m')
  const all = await Promise.allSettled(installations)
  await Promise.all(all.flatMap((each) => (each.status === 'fulfilled' ? [each.value.close()] : [])))
})

function keep(installing: Promise<Installed>): Promise<Installed> {
  const installation = installing.catch((error: unknown) => {
    throw error instanceof StepFailed ? new Error(explain(error), { cause: error }) : error
  })
  installations.push(installation)
  return installation
}
