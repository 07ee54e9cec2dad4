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
