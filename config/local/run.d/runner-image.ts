import { join } from 'node:path'
import { clusterTool, root } from './cluster.ts'
import { outputOf } from './program.ts'

/** Version of the stand-in for GitHub's runner in its image. */
export const RUNNER_VERSION = '2.336.0'

/** Builds the image with a stand-in for GitHub's runner, if there is none yet, loads it into the cluster, and returns its name. */
export async function loadRunnerImage(baseImage: string, signal: AbortSignal): Promise<string> {
  const printed = await outputOf([join(root, 'config/local/runner-image'), baseImage], signal)
  const [name = '', archive = ''] = printed.split('\n')
  await outputOf([clusterTool, 'load-image', archive], signal)
  return name
}
