/** One step of the whole test run, in a process of its own. */
export interface Stage {
  name: string
  /** Description for `--help`. */
  about: string
  /** Time limit, after which it is killed: twice its duration on a machine that is busy with parallel stages. */
  deadlineMinutes: number
  /** Stages that must have passed before this one. */
  needs: string[]
  /** Stages that must have ended before this one begins, with any result. */
  after?: string[]
  /** Shares nothing with the stages that it does not wait for: it runs in parallel with them. */
  beside?: boolean
  work: Work
}

/** A suite of mocha tests: the pattern of its files, and further arguments of mocha. */
export interface Suite {
  files: string
  mochaArguments: string[]
}

/**
 * A command passes by its exit code, a suite also by its result file. A rerun runs the failed files of these suites a
 * second time; their results are judged together (see unsteady.ts).
 */
export type Work = { is: 'command'; command: string[] } | ({ is: 'suite' } & Suite) | { is: 'rerun'; suites: string[] }

/** Time limit of all stages together, within CI's limit of 90 minutes: later stages do not run. */
export const TOTAL_MINUTES = 85

/** The folders of integration tests that run in a lane apart from the others. */
const FACES = 'chart|docs|page|plugin'

/**
 * All stages in their order. There are four lanes of about the same length: image, e2e and cluster; integration; faults;
 * and unit, builds, make-run, planes and faces. Each mostly waits, and together they keep two cores busy. Only the first
 * lane, builds and make-run use the cluster, and the first stops and starts it at its end. Failed files get their second
 * run when nothing else runs. The files of a suite run one after another.
 */
export const stages: Stage[] = [
  {
    name: 'check',
    about: 'generated files, format, types, lint, unused code',
    deadlineMinutes: 6,
    needs: [],
    beside: true,
    work: make('check'),
  },
  {
    name: 'unit',
    about: 'logic only, no cluster',
    deadlineMinutes: 8,
    needs: [],
    beside: true,
    work: mocha('unit/**', 10),
  },
  {
    name: 'up',
    about: 'start the local cluster (the first time builds it)',
    deadlineMinutes: 26,
    needs: [],
    work: make('up'),
  },
  {
    name: 'tools',
    about: 'Helm, kube-score, promtool, Chromium and Prometheus (the first time builds them)',
    deadlineMinutes: 14,
    needs: ['up'],
    work: make('tools'),
  },
  {
    name: 'image',
    about: 'build the image of the e2e tests and load it',
    deadlineMinutes: 6,
    needs: ['up'],
    beside: true,
    work: { is: 'command', command: [process.execPath, 'test/e2e/build-image.ts'] },
  },
  {
    name: 'e2e',
    about: 'the whole operator with real pods',
    deadlineMinutes: 25,
    needs: ['up', 'tools', 'image'],
    beside: true,
    work: mocha('e2e/!(make-run)', 120),
  },
  {
    name: 'faults',
    about: 'broken connections and wrong responses',
    deadlineMinutes: 25,
    needs: ['up'],
    after: ['check', 'image'],
    beside: true,
    work: mocha('faults/**', 60),
  },
  {
    name: 'builds',
    about: 'images that are built here, with the image of the operator',
    deadlineMinutes: 6,
    needs: ['up', 'image'],
    after: ['unit'],
    beside: true,
    work: mocha('cluster/image', 300),
  },
  {
    name: 'make-run',
    about: '`make run`, with its demonstrations',
    deadlineMinutes: 8,
    needs: ['up', 'tools', 'image'],
    after: ['builds'],
    beside: true,
    work: mocha('e2e/make-run', 120),
  },
  {
    name: 'planes',
    about: 'throwaway control planes, and clusters that the caller provides',
    deadlineMinutes: 8,
    needs: ['up'],
    after: ['make-run'],
    beside: true,
    work: mocha('cluster/@(control-plane|given)', 300),
  },
  {
    name: 'faces',
    about: 'chart, page, plugin and documents on a real API server',
    deadlineMinutes: 10,
    needs: ['up', 'tools'],
    after: ['planes'],
    beside: true,
    work: mocha(`integration/@(${FACES})/**`, 30),
  },
  {
    name: 'cluster',
    about: 'up, down, status and kubeconfig; it leaves the cluster running',
    deadlineMinutes: 20,
    needs: ['up'],
    after: ['e2e', 'builds', 'make-run'],
    beside: true,
    work: mocha('cluster/cluster', 300),
  },
  {
    name: 'integration',
    about: 'controllers, HTTP and realtime on a real API server',
    deadlineMinutes: 25,
    needs: ['up', 'tools'],
    work: mocha(`integration/!(${FACES})/**`, 30),
  },
  {
    name: 'again',
    about: 'a second run of each failed file of these suites',
    deadlineMinutes: 8,
    needs: [],
    work: { is: 'rerun', suites: ['e2e', 'faults', 'builds', 'make-run', 'planes', 'faces', 'cluster', 'integration'] },
  },
  {
    name: 'down',
    about: 'stop the cluster and remove what it made',
    deadlineMinutes: 2,
    needs: [],
    work: make('down'),
  },
]

function make(target: string): Work {
  return { is: 'command', command: ['make', target] }
}

function mocha(files: string, timeoutSeconds: number): Work {
  const mochaArguments = ['--timeout', `${timeoutSeconds}s`]
  return { is: 'suite', files: `test/${files.replace('**', '**/*')}.test.ts`, mochaArguments }
}

/** The named stages, the stages that they need, and the second runs of their files, in order; all if none is named. */
export function selectStages(all: Stage[], names: string[]): Stage[] {
  if (names.length === 0) return all
  const wanted = new Set<string>()
  const want = (name: string): void => {
    const stage = all.find((candidate) => candidate.name === name)
    if (stage === undefined)
      throw new Error(`unknown stage "${name}": must be one of ${all.map((each) => each.name).join(', ')}`)
    wanted.add(name)
    stage.needs.forEach(want)
  }
  names.forEach(want)
  const isWanted = ({ name, work }: Stage): boolean =>
    wanted.has(name) || (work.is === 'rerun' && work.suites.some((suite) => wanted.has(suite)))
  return all.filter(isWanted)
}
