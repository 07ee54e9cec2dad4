import { readFile } from 'node:fs/promises'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { at, type Manifest, manifestsIn } from '../../charts/chart.ts'
import { monitoringKinds } from '../../charts/prometheus-operator.ts'
import { eventually } from '../../observe/eventually.ts'
import { moduleFolder } from '../../processes/go-module.ts'
import { sharedPlane } from '../../site/plane.ts'

const routes = 'config/crd/experimental/gateway.networking.k8s.io_httproutes.yaml'
const crds: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
}
const forever = new AbortController().signal

let served: Promise<void> | undefined

/** Installs the foreign kinds that the chart can create on the shared API server; once for all tests. */
export function serveForeignKinds(): Promise<void> {
  return (served ??= serveAll())
}

async function serveAll(): Promise<void> {
  const { client } = await sharedPlane()
  await Promise.all((await foreignKinds()).map((definition) => serve(client, definition)))
}

/** The definitions that their projects publish. */
async function foreignKinds(): Promise<Manifest[]> {
  const gateway = await moduleFolder('sigs.k8s.io/gateway-api', 'kinds')
  return [
    ...manifestsIn(await readFile(`${gateway}/${routes}`, 'utf8')),
    ...(await monitoringKinds(['servicemonitors', 'prometheusrules'])),
  ]
}

async function serve(client: KubeClient, definition: Manifest): Promise<void> {
  await client.create(crds, definition, forever)
  const spec = asObject(definition['spec'])
  const kind: Resource = {
    group: String(spec['group']),
    version: String(at(spec, 'versions', 0, 'name')),
    plural: String(at(spec, 'names', 'plural')),
    kind: String(at(spec, 'names', 'kind')),
  }
  const isServed = async () => client.listPage<KubeObject>(kind, undefined, { limit: 1 }, forever)
  await eventually(isServed, { what: `${definition.metadata.name} to be served`, withinMs: 20_000 })
}
