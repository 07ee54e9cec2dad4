import { type Cluster, clusterInUse } from '../../../config/local/run.d/cluster.ts'
import { buildImage, loadImage } from '../../../config/local/run.d/image.ts'

export interface Prepared {
  cluster: Cluster
  image: string
}

let prepared: Promise<Prepared> | undefined

/** The cluster in use, with the loaded image of these sources; once for all test files. */
export function prepare(): Promise<Prepared> {
  prepared ??= load()
  return prepared
}

async function load(): Promise<Prepared> {
  const signal = AbortSignal.timeout(300_000)
  const cluster = await clusterInUse(signal)
  const given = process.env['IMAGE']
  if (given !== undefined && given !== '') return { cluster, image: given }
  const image = await buildImage(cluster.baseImage, () => undefined, signal)
  await loadImage(signal)
  return { cluster, image }
}
