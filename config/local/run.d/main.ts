import { run as runMake } from './make-run.ts'
import { BadOptions, readOptions } from './options.ts'
import { say } from './say.ts'
import { explain, StepFailed } from './step-failed.ts'

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort(new Error(name)))

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2), process.env)
    await runMake(options, { say, show: (text) => process.stdout.write(`${text.trimEnd()}\n`) }, stop.signal)
    return 0
  } catch (error) {
    if (stop.signal.aborted) {
      say('interrupted')
      return 130
    }
    if (error instanceof BadOptions) {
      process.stderr.write(`${error.message}\nconfig/local/run --help lists the settings\n`)
      return 2
    }
    if (!(error instanceof StepFailed)) throw error
    process.stderr.write(explain(error))
    return 1
  }
}
