import { expect } from 'chai'
import type { Json } from '../../../../src/api/json.ts'
import { withPaths } from '../../../../src/domain/runner/template-values.ts'

// Messages of Kubernetes 1.35.
const cannot = 'Pod in version "v1" cannot be handled as a Pod: '
const badQuantity = `${cannot}quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`
const badEnv = `${cannot}json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string`
const badPort = `${cannot}json: cannot unmarshal bool into Go struct field TCPSocketAction.spec.containers.startupProbe.ProbeHandler.tcpSocket.port of type int32`
const badFraction = `${cannot}json: cannot unmarshal number 1.5 into Go struct field SecurityContext.spec.containers.securityContext.runAsUser of type int64`
const badCommand = `${cannot}json: cannot unmarshal string into Go struct field Container.spec.initContainers.command of type []string`

const cases: [what: string, message: string, spec: Json, paths: string][] = [
  [
    'a limit that is not a quantity',
    badQuantity,
    { containers: [{ resources: { limits: { cpu: '1', memory: '1 Gi' }, requests: { cpu: 0.5 } } }] },
    'spec.containers[0].resources.limits.memory: ',
  ],
  [
    'quantities that are neither strings nor numbers',
    badQuantity,
    { overhead: { cpu: true }, volumes: [{ emptyDir: { sizeLimit: { value: 1 } } }] },
    'spec.overhead.cpu, spec.volumes[0].emptyDir.sizeLimit: ',
  ],
  [
    'numbers among the values of variables',
    badEnv,
    { containers: [{ env: [{ name: 'A', value: 'a' }] }, { env: [{ value: 'b' }, { value: 1 }, { value: 2 }] }] },
    'spec.containers[1].env[1].value, spec.containers[1].env[2].value: ',
  ],
  [
    'a port that is neither name nor number',
    badPort,
    { containers: [{ startupProbe: { httpGet: { port: 8080 } } }, { startupProbe: { tcpSocket: { port: true } } }] },
    'spec.containers[1].startupProbe.tcpSocket.port: ',
  ],
  [
    'a fraction',
    badFraction,
    { containers: [{ securityContext: { runAsUser: 1.5 } }] },
    'spec.containers[0].securityContext.runAsUser: ',
  ],
  ['a string for a list', badCommand, { initContainers: [{ command: 'run' }] }, 'spec.initContainers[0].command: '],
  [
    'values of a map',
    `${cannot}json: cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string`,
    { nodeSelector: { disk: 'ssd', 'example.com/zone': 1, b: 2 } },
    'spec.nodeSelector["example.com/zone"], spec.nodeSelector["b"]: ',
  ],
  [
    'values of a map in lists',
    `${cannot}json: cannot unmarshal bool into Go struct field LabelSelector.spec.topologySpreadConstraints.labelSelector.matchLabels of type string`,
    { topologySpreadConstraints: [{}, { labelSelector: { matchLabels: { a: true } } }] },
    'spec.topologySpreadConstraints[1].labelSelector.matchLabels["a"]: ',
  ],
  ['quantities that it can parse', badQuantity, { overhead: { cpu: '1e3', memory: null } }, ''],
  ['an error that already has a path', `${cannot}spec.x: quantities must match`, { overhead: { cpu: 'a' } }, ''],
  ['a type that no value has', badEnv, { containers: [{ env: [{ value: 'a' }] }] }, ''],
  ['anything else', 'no such thing', { overhead: { cpu: 'a' } }, ''],
]

describe('the API server’s error about a template that it cannot decode', () => {
  for (const [what, message, spec, paths] of cases) {
    it(`${paths === '' ? 'stays as it is' : 'gets the path'}: ${what}`, () => {
      expect(withPaths(message, { spec })).to.equal(`${paths}${message}`)
    })
  }
})
