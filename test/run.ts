import { parseArgs } from 'node:util'
import { command, localTool } from './processes/command.ts'
import { readExpectations } from './run/expectations.ts'
import { runAll } from './run/run-all.ts'
import { selectStages, type Stage, stages, TOTAL_MINUTES } from './run/stages.ts'

const help = `Runs every check and test suite, each as a stage, and ends with the totals in one line.

  node test/run.ts                            all stages, in this order:
${stages.map(({ name, about }) => `                                                ${name.padEnd(12)} ${about}`).join('\n')}
  node test/run.ts --only unit,integration    these and what they need

A test file of integration, faults, e2e or cluster that fails is run once more alone. If it passes then, it is
listed as unsteady, and the run passes; more than three such files fail it.

Exit code 0: everything passed. Anything else: a test failed, a stage broke, a suite wrote no result, no test of one of
its files ran, or a test was skipped that test/allowed-skips.json lacks.
`

const { values } = parsed()

if (values.help) process.stdout.write(help)
else await run(chosen(values.only.split(',').filter((name) => name !== '')))

function parsed() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', short: 'h' },
        only: { type: 'string', default: '' },
      },
    })
  } catch (error) {
    return refuse(error)
  }
}

function chosen(names: string[]): Stage[] {
  try {
    return selectStages(stages, names)
  } catch (error) {
    return refuse(error)
  }
}

/** Reports an error in the command line, and how to get the help. */
function refuse(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nnode test/run.ts --help\n`)
  process.exit(2)
}

async function run(selected: Stage[]): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  // Without a kubectl on PATH, the stage that starts the cluster builds one.
  process.env['PATH'] += `:${await command(localTool('kubectl-folder'))}`
  // The control planes take a fifth of the CPU, a tenth of which would go into collecting their small heaps.
  process.env['GOGC'] ??= '400'
  const { signal } = stop
  const options = { signal, deadlineMs: TOTAL_MINUTES * 60_000 }
  process.exitCode = await runAll(selected, await readExpectations(), (line) => console.log(line), options)
}
