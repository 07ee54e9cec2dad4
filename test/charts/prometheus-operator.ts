import { readFile } from 'node:fs/promises'
import { moduleFolder } from '../processes/go-module.ts'
import { type Manifest, manifestsIn } from './chart.ts'

/** The objects in a file of the Prometheus Operator's own repository, in the pinned version. */
export async function publishedManifests(file: string): Promise<Manifest[]> {
  const folder = await moduleFolder('github.com/prometheus-operator/prometheus-operator', 'prometheus')
  return manifestsIn(await readFile(`${folder}/example/${file}`, 'utf8'))
}

/** The definitions of kinds of the Prometheus Operator, by their plurals. */
export async function monitoringKinds(plurals: readonly string[]): Promise<Manifest[]> {
  const folder = 'prometheus-operator-crd/monitoring.coreos.com_'
  return (await Promise.all(plurals.map((plural) => publishedManifests(`${folder}${plural}.yaml`)))).flat()
}
