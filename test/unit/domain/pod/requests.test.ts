import { expect } from 'chai'
import type { Json } from '../../../../src/api/json.ts'
import { requestsOf, withoutContainers } from '../../../../src/domain/pod/requests.ts'

const MI = 2 ** 20
const asks = (cpu: string, memory = '0') => ({ resources: { requests: { cpu, memory } } })
const sidecar = (cpu: string) => ({ ...asks(cpu), restartPolicy: 'Always' })

const cases: Record<string, [spec: Json, cpuMillicores: number, memoryBytes?: number]> = {
  'no container asks for anything': [{ containers: [{ name: 'main' }] }, 0],
  'containers run together': [{ containers: [asks('100m', '1Gi'), asks('1.5', '512Mi')] }, 1600, 1536 * MI],
  'init containers run before them': [{ initContainers: [asks('1'), asks('2')], containers: [asks('500m')] }, 2000],
  'init containers ask for less': [{ initContainers: [asks('100m')], containers: [asks('500m')] }, 500],
  'sidecars run beside them': [{ initContainers: [sidecar('200m')], containers: [asks('500m')] }, 700],
  'an init container runs beside the sidecars before it': [
    { initContainers: [sidecar('200m'), asks('1'), sidecar('300m')], containers: [asks('500m')] },
    1200,
  ],
  'sidecars after an init container do not run beside it': [
    { initContainers: [asks('1'), sidecar('200m'), sidecar('300m')], containers: [asks('100m')] },
    1000,
  ],
  'the runtime class has an overhead': [
    { overhead: { cpu: '250m', memory: '120Mi' }, containers: [asks('1', '1Gi')] },
    1250,
    1144 * MI,
  ],
  'the pod has requests of its own': [
    { resources: { requests: { cpu: '2' } }, overhead: { cpu: '250m' }, containers: [asks('100m', '1Gi')] },
    2250,
    1024 * MI,
  ],
  'a part of a millicore is asked for': [{ containers: [asks('100500u')] }, 101],
  'floating point would round up': [{ containers: [asks('1.1'), asks('0.2'), asks('0.1')] }, 1400],
  'values are no quantities': [{ containers: [{ resources: { requests: { cpu: {}, memory: 'much' } } }, 'text'] }, 0],
}

describe('the requests of a pod', () => {
  for (const [when, [spec, cpuMillicores, memoryBytes = 0]] of Object.entries(cases)) {
    it(`are those that the scheduler counts when ${when}`, () => {
      expect(requestsOf(spec)).to.deep.equal({ cpuMillicores, memoryBytes })
      expect(requestsOf(withoutContainers(spec)), 'without its containers').to.deep.equal({
        cpuMillicores,
        memoryBytes,
      })
    })
  }
})
