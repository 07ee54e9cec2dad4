/** One step of the whole test run, in a process of its own. */
export interface Stage {
  name: string
  /** What it shows, for `--help`. */
  about: string
  /** After so long it hangs, and is killed: twice what it takes on a machine that is busy with the stages beside it. */
  deadlineMinutes: number
  /** Stages without which this one makes no sense. */
  needs: string[]
  /** Mostly waits, and shares nothing with the stages after it: it runs while they do. */
  beside?: boolean
  work: Work
}

/** A command passes by its exit code; a suite of mocha tests also by the results that it writes. */
export type Work = { is: 'command'; command: string[] } | { is: 'suite'; files: string; mochaArguments: string[] }

/** What all stages have together, within the hour and a half that CI gives a run: what is not done then is cut short. */
export const TOTAL_MINUTES = 85

/**
 * All stages in the order in which they begin. The last two leave the machine without a cluster. The files of a suite
 * run one after another: on two cores, which the API server shares, two at a time were slower and less steady.
 */
export const stages: Stage[] = [
  {
    name: 'check',
    about: 'generated files, format, types, lint, unused code',
    deadlineMinutes: 3,
    needs: [],
    work: make('check'),
  },
  { name: 'unit', about: 'logic alone, no cluster', deadlineMinutes: 4, needs: [], work: mocha('unit', 10) },
  {
    name: 'up',
    about: 'start the local cluster (the first time builds it)',
    deadlineMinutes: 20,
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
    name: 'faults',
    about: 'the same when connections break and answers lie',
    deadlineMinutes: 25,
    needs: ['up'],
    beside: true,
    work: mocha('faults', 60),
  },
  {
    name: 'integration',
    about: 'controllers, HTTP and realtime on a real API server',
    deadlineMinutes: 28,
    needs: ['up', 'tools'],
    work: mocha('integration', 30),
  },
  { name: 'image', about: 'build the image and load it', deadlineMinutes: 4, needs: ['up'], work: make('load-image') },
  {
    name: 'e2e',
    about: 'the whole operator with real pods',
    deadlineMinutes: 28,
    needs: ['up', 'tools', 'image'],
    work: mocha('e2e', 120),
  },
  {
    name: 'cluster',
    about: 'up, down, status and kubeconfig themselves',
    deadlineMinutes: 20,
    needs: ['up'],
    work: mocha('cluster', 300),
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

function mocha(folder: string, timeoutSeconds: number): Work {
  const mochaArguments = ['--timeout', `${timeoutSeconds}s`]
  return { is: 'suite', files: `test/${folder}/**/*.test.ts`, mochaArguments }
}

/** The named stages and all that they need, in order; all stages when none is named. */
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
  return all.filter((stage) => wanted.has(stage.name))
}
