import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isJson, parsed } from '../../src/api/json.ts'
import { type Allowed, findings } from './findings.ts'

const help = `usage: audit.ts [--required]

Asks the npm registry for advisories on the packages of package-lock.json, and
fails if there is one that config/audit/allowed.json does not allow. An entry
there has an advisory, a package, a reason and the last day on which it counts.

--required  fail also if the registry does not respond to the question; without
            it, the check says so and passes, so that it works without a network
`

const { values } = parseArgs({ options: { required: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
if (values.help === true) process.stdout.write(help)
else await audit(values.required === true)

async function audit(required: boolean): Promise<void> {
  const outcome = findings(parsed(await npmAudit()), allowed(), new Date().toISOString().slice(0, 10))
  switch (outcome.kind) {
    case 'unanswered':
      console.log(`npm audit: NOT CHECKED: ${outcome.reason}`)
      if (required) process.exitCode = 1
      return
    case 'answered':
      for (const problem of outcome.problems) console.error(`npm audit: ${problem}`)
      if (outcome.problems.length === 0) console.log('npm audit: no open advisory')
      else process.exitCode = 1
      return
    default:
      outcome satisfies never
  }
}

/** npm's output. Its exit code says only that there is an advisory, or that it had no response. */
async function npmAudit(): Promise<string> {
  const args = ['audit', '--json', '--audit', '--fetch-retries=0', '--fetch-timeout=20000']
  return await new Promise((resolve) => {
    execFile('npm', args, { cwd: join(import.meta.dirname, '../..'), maxBuffer: 64e6 }, (_, stdout) => resolve(stdout))
  })
}

function allowed(): Allowed[] {
  const entries: unknown = JSON.parse(readFileSync(join(import.meta.dirname, 'allowed.json'), 'utf8'))
  if (!Array.isArray(entries) || !entries.every(isAllowed)) throw new Error('config/audit/allowed.json is malformed')
  return entries
}

function isAllowed(entry: unknown): entry is Allowed {
  const fields = ['advisory', 'package', 'reason', 'until']
  return isJson(entry) && fields.every((field) => typeof entry[field] === 'string')
}
