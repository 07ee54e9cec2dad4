/** One step of the whole test run, in a process of its own. */
export interface Stage {
  name: string
  /** What it shows, for `--help`. */
  about: string
  /** After so long it hangs, and is killed: twice what it takes on a machine that is busy with the stages beside it. */
  deadlineMinutes: number
  /** Stages without which this one makes no sense. */
  needs: string[]
  /** Stages that must have ended before this one begins, however they ended. */
  after?: string[]
  /** Mostly waits, and shares nothing with the stages after it: it runs while they do. */
  beside?: boolean
  work: Work
}

/** A suite of mocha tests: the pattern of its files, and what mocha is called with besides. */
export interface Suite {
  files: string
  mochaArguments: string[]
}

/**
 * A command passes by its exit code; a suite also by the results that it writes. A rerun gives the files that failed in
 * these suites a second chance: what it finds is judged with them (see unsteady.ts).
 */
export type Work = { is: 'command'; command: string[] } | ({ is: 'suite' } & Suite) | { is: 'rerun'; suites: string[] }

/** What all stages have together, within the hour and a half that CI gives a run: what is not done then is cut short. */
export const TOTAL_MINUTES = 85

/**
 * All stages in the order in which they begin. What needs no cluster runs while the cluster starts. The last ones leave
 * the machine without a cluster, so failed files of the other suites are run once more before them. The files of a suite
 * run one after another: on two cores, which the API server shares, two at a time were slower and less steady.
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
    about: 'logic alone, no cluster',
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
    about: 'Helm, promtool and Prometheus (the first time builds them)',
    deadlineMinutes: 14,
    needs: ['up'],
    work: make('tools'),
  },
  {
    name: 'image',
    about: 'build the image of the e2e tests and load it',
    deadlineMinutes: 6,
    needs: ['up'],
    after: ['check', 'unit'],
    beside: true,
    work: { is: 'command', command: [process.execPath, 'test/e2e/build-image.ts'] },
  },
  {
    name: 'faults',
    about: 'the same when connections break and answers lie',
    deadlineMinutes: 25,
    needs: ['up'],
    after: ['check', 'unit'],
    beside: true,
    work: mocha('faults/**', 60),
  },
  {
    name: 'integration',
    about: 'controllers, HTTP and realtime on a real API server',
    deadlineMinutes: 25,
    needs: ['up', 'tools'],
    after: ['check', 'unit'],
    work: mocha('integration/**', 30),
  },
  {
    name: 'planes',
    about: 'control planes that tests start, and clusters that are given',
    deadlineMinutes: 8,
    needs: ['up'],
    after: ['faults', 'integration'],
    beside: true,
    work: mocha('cluster/@(control-plane|given)', 300),
  },
  {
    name: 'e2e',
    about: 'the whole operator with real pods',
    deadlineMinutes: 25,
    needs: ['up', 'tools', 'image'],
    after: ['faults', 'integration'],
    work: mocha('e2e/**', 120),
  },
  {
    name: 'again',
    about: 'the files of these suites that failed, once more by themselves',
    deadlineMinutes: 8,
    needs: [],
    work: { is: 'rerun', suites: ['faults', 'integration', 'e2e'] },
  },
  {
    name: 'cluster',
    about: 'up, down, status and kubeconfig themselves',
    deadlineMinutes: 20,
    needs: ['up'],
    after: ['planes'],
    work: mocha('cluster/@(cluster|image)', 300),
  },
  {
    name: 'cluster-again',
    about: 'the files of these two suites that failed, once more by themselves',
    deadlineMinutes: 8,
    needs: [],
    work: { is: 'rerun', suites: ['planes', 'cluster'] },
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

/** The named stages, all that they need, and the second chance of their files, in order; all when none is named. */
export function selectStages(all: Stage[], names: string[]): Stage[] {
  if (names.length === 0) return all
  const wanted = new Set<string>()
  const want = (name: string): void => {
    const stage = all.find((candidate) => candidate.name === name)
    if (stage === undefined) throw new Error(`no stage "${name}"; there are ${all.map((each) => each.name).join(', ')}`)
    wanted.add(name)
    stage.needs.forEach(want)
  }
  names.forEach(want)
  const isWanted = ({ name, work }: Stage): boolean =>
    wanted.has(name) || (work.is === 'rerun' && work.suites.some((suite) => wanted.has(suite)))
  return all.filter(isWanted)
}
