import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { asObject } from '../../src/kube/client/parse.ts'
import { localTool } from './command.ts'

const execute = promisify(execFile)

/** The folder with the sources of a Go module, in the version that a folder of `config/local` pins. */
export async function moduleFolder(module: string, pinnedIn: string): Promise<string> {
  const { stdout } = await execute('go', ['mod', 'download', '-json', module], { cwd: localTool(pinnedIn) })
  return String(asObject(JSON.parse(stdout))['Dir'])
}

/** Builds a program of one file with the modules that the local cluster pins. Go keeps what it has built before. */
export async function goProgram(file: string, binary: string): Promise<void> {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' }
  await execute('go', ['build', '-buildvcs=false', '-trimpath', '-mod=readonly', '-o', binary, file], {
    cwd: localTool('.'),
    env,
  })
}
