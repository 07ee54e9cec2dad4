import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Manifest, manifestsIn } from '../../chart.ts'
import { localTool } from '../../command.ts'
import { record } from '../../../src/kube/parse.ts'

const execute = promisify(execFile)

/** Where the CRDs of kinds that the chart can make, but does not define, stand in the Go modules of their projects. */
const files: [module: string, file: string][] = [
  ['sigs.k8s.io/gateway-api', 'config/crd/experimental/gateway.networking.k8s.io_httproutes.yaml'],
  [
    'github.com/prometheus-operator/prometheus-operator',
    'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
  ],
  [
    'github.com/prometheus-operator/prometheus-operator',
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  ],
]

/** The definitions of HTTPRoute, ServiceMonitor and PrometheusRule, as their projects publish them. */
export async function foreignKinds(): Promise<Manifest[]> {
  const modules = [...new Set(files.map(([module]) => module))]
  const { stdout } = await execute('go', ['mod', 'download', '-json', ...modules], { cwd: localTool('kinds') })
  // A JSON object a module, one after another.
  const answers = stdout.split(/(?<=^\})\n/m).filter((text) => text.trim() !== '')
  const folders = new Map(answers.map(folderIn))
  const texts = files.map(([module, file]) => readFile(`${String(folders.get(module))}/${file}`, 'utf8'))
  return (await Promise.all(texts)).flatMap(manifestsIn)
}

/** A module's path and its folder, as `go mod download -json` tells them. */
function folderIn(answer: string): [unknown, unknown] {
  const { Path: path, Dir: folder } = record(JSON.parse(answer))
  return [path, folder]
}
