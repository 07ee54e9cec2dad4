import { readFile } from 'node:fs/promises'
import { type Manifest, manifestsIn } from '../../chart.ts'
import { moduleFolder } from '../../go-module.ts'
import { monitoringKinds } from '../../prometheus-operator.ts'

const routes = 'config/crd/experimental/gateway.networking.k8s.io_httproutes.yaml'

/** The definitions of kinds that the chart can make, but does not define, as their projects publish them. */
export async function foreignKinds(): Promise<Manifest[]> {
  const gateway = await moduleFolder('sigs.k8s.io/gateway-api', 'kinds')
  return [
    ...manifestsIn(await readFile(`${gateway}/${routes}`, 'utf8')),
    ...(await monitoringKinds(['servicemonitors', 'prometheusrules'])),
  ]
}
