import { expect } from 'chai'
import type { DaemonSet } from '../../../../src/api/daemon-set.ts'
import type { Json } from '../../../../src/api/json.ts'
import { isOwnPod, isPrePullPod } from '../../../../src/api/pod.ts'
import { disruptionBudgetOf } from '../../../../src/domain/pool/disruption-budget.ts'
import {
  daemonSetNames,
  daemonSetsOf,
  daemonSetStep,
  holdConfigMap,
} from '../../../../src/domain/pre-pull/daemon-sets.ts'
import { imagesOf } from '../../../../src/domain/pre-pull/images.ts'
import { aPod, aPool } from '../../../objects/builders.ts'
import { expectGolden } from '../../../objects/golden.ts'

const poolOf = (spec: Json) => aPool({ spec: { prePull: true, template: { spec } } })
const full = poolOf({
  serviceAccountName: 'builder',
  nodeSelector: { disk: 'fast' },
  tolerations: [{ key: 'ci', operator: 'Exists' }],
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
    podAntiAffinity: {},
  },
  imagePullSecrets: [{ name: 'registry' }],
  runtimeClassName: 'gvisor',
  securityContext: { runAsUser: 0 },
  hostNetwork: true,
  initContainers: [
    { name: 'setup', image: 'setup:1', imagePullPolicy: 'Always' },
    { name: 'docker', image: 'docker:dind', restartPolicy: 'Always' },
  ],
  containers: [
    { name: 'runner', image: 'runner:1', resources: { requests: { cpu: '8' } } },
    { name: 'proxy', image: 'setup:1' },
  ],
})

/** As the API server would store it. */
function stored(pool = full): DaemonSet {
  const [wanted] = daemonSetsOf(pool)
  if (wanted === undefined) throw new Error('there is none')
  const { metadata, ...rest } = structuredClone(wanted)
  const containers = rest.spec.template.spec['containers']
  const template = { ...rest.spec.template, spec: { ...rest.spec.template.spec, restartPolicy: 'Always', containers } }
  return {
    ...rest,
    spec: { ...rest.spec, template },
    metadata: { ...metadata, uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  }
}

const stepFor = (known: DaemonSet | undefined, pool = full) => {
  const [wanted] = daemonSetsOf(pool)
  return wanted && daemonSetStep(known, wanted, pool)
}

describe('the images of a pool', () => {
  it('are those of all containers in its template, each once', () => {
    expect(imagesOf(full).map(({ image, pullPolicy }) => [image, pullPolicy])).to.deep.equal([
      ['setup:1', 'Always'],
      ['docker:dind', undefined],
      ['runner:1', undefined],
    ])
  })

  it('have containers whose names derive from the image alone', () => {
    const [, , runner] = imagesOf(full)
    const [alone] = imagesOf(poolOf({ containers: [{ name: 'main', image: 'runner:1' }] }))
    expect(alone?.container)
      .to.equal(runner?.container)
      .and.match(/^image-[0-9a-f]{16}$/)
  })

  it('leave out what is no image', () => {
    expect(imagesOf(poolOf({ containers: [{ image: 7 }, { image: '' }, 'text', {}] }))).to.deep.equal([])
    expect(daemonSetsOf(poolOf({ containers: [{}] }))).to.deep.equal([])
  })
})

describe('the DaemonSets of a pool', () => {
  it('run a tiny, restricted container of each image, on the nodes of the pool', () => {
    expectGolden(import.meta.url, 'images-daemon-sets', daemonSetsOf(full))
  })

  it('are one for each architecture that the template allows', () => {
    const containers = [{ name: 'main', image: 'image' }]
    const namesFor = (nodeSelector: Json, more: Json = {}) =>
      daemonSetsOf(poolOf({ containers, nodeSelector, ...more })).map(({ metadata }) => metadata.name)
    expect(namesFor({})).to.deep.equal(['runnerhub-images-pool-amd64', 'runnerhub-images-pool-arm64'])
    expect(namesFor({})).to.deep.equal(daemonSetNames(full))
    expect(namesFor({ 'kubernetes.io/arch': 'arm64' })).to.deep.equal(['runnerhub-images-pool-arm64'])
    expect(namesFor({ 'kubernetes.io/arch': 's390x' })).to.deep.equal([])
    expect(namesFor({ 'kubernetes.io/os': 'windows' })).to.deep.equal([])
    expect(namesFor({}, { os: { name: 'windows' } })).to.deep.equal([])
  })

  it('go with their pool, as the programs do', () => {
    for (const { metadata } of [...daemonSetsOf(full), holdConfigMap(full)]) {
      expect(metadata.ownerReferences).to.deep.equal([
        { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerPool', name: 'pool', uid: 'pool-uid' },
      ])
    }
  })

  it('have pods that count as no job, towards no limit and no budget', () => {
    const [set] = daemonSetsOf(full)
    const labels = set?.spec.template.metadata.labels ?? {}
    const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'set', uid: 'set-uid', controller: true }
    const pod = aPod({ metadata: { labels, ownerReferences: [owner], finalizers: [] } })
    expect(isOwnPod(pod)).to.equal(false)
    expect(isPrePullPod(pod)).to.equal(true)
    expect(isPrePullPod(aPod())).to.equal(false)
    const { matchLabels } = disruptionBudgetOf(full).spec.selector
    expect(Object.entries(matchLabels).every(([name, value]) => labels[name] === value)).to.equal(false)
    expect(Object.keys(labels)).to.not.include.members([
      'runnerhub.dev/runner',
      'runnerhub.dev/job',
      'runnerhub.dev/pool',
    ])
  })

  it('are created, and left alone while they are right', () => {
    expect(stepFor(undefined)).to.deep.equal({ is: 'create' })
    expect(stepFor(stored())).to.deep.equal({ is: 'right' })
  })

  it('are replaced when the template has changed, or when somebody changed them', () => {
    const other = poolOf({ containers: [{ name: 'main', image: 'other' }] })
    const step = stepFor(stored(), other)
    expect(step).to.have.property('is', 'replace')
    expect(step).to.have.nested.property('with.spec').that.deep.equals(daemonSetsOf(other)[0]?.spec)
    expect(step).to.have.nested.property('with.metadata.resourceVersion', '1')
    const changed = stored()
    changed.spec.template.spec['nodeSelector'] = {}
    expect(stepFor(changed)).to.have.property('is', 'replace')
    const fewer = poolOf({ containers: [{ name: 'main', image: 'image' }], tolerations: [{ operator: 'Exists' }] })
    const without = poolOf({ containers: [{ name: 'main', image: 'image' }] })
    expect(stepFor(stored(fewer), without), 'a field that is gone').to.have.property('is', 'replace')
  })

  it('are not touched if they belong to somebody else, or go with an earlier pool of the name', () => {
    const of = (metadata: object) => stepFor({ ...stored(), metadata: { ...stored().metadata, ...metadata } })
    const others = [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'other' }]
    expect(of({ ownerReferences: others })).to.deep.equal({ is: 'wait' })
    expect(of({ ownerReferences: [], labels: {} })).to.deep.equal({ is: 'foreign' })
    expect(of({ ownerReferences: [] }), 'orphaned').to.have.property('is', 'replace')
  })
})
