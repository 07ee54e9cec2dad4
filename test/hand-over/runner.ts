import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Puts a runner of this version into a folder, whose Worker is the stand-in. */
export async function installRunner(directory: string, version: string): Promise<void> {
  const worker = new URL('worker.ts', import.meta.url).pathname
  await mkdir(join(directory, 'bin'), { recursive: true })
  await Promise.all([
    program(join(directory, 'bin/Runner.Worker'), `exec '${process.execPath}' '${worker}' '${directory}' "$@"`),
    // With this setting, which the official image has, the real one prints its trace around the version.
    program(
      join(directory, 'bin/Runner.Listener'),
      `[[ -z \${ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT:-} ]] || echo '[RUNNER 2026-01-01 00:00:00Z INFO] 9.9.9'\necho ${version}`,
    ),
  ])
}

async function program(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/usr/bin/env bash\n${text}\n`)
  await chmod(path, 0o755)
}
