import { expect } from 'chai'
import { asObject } from '../../src/kube/client/parse.ts'
import { chart, helm, type Manifest, manifestsIn } from '../charts/chart.ts'
import { AuditLog, rightOf } from '../observe/audit.ts'
import { prepare } from './installation/image.ts'
import { rarelyUsed } from './installation/rarely-used-rights.ts'

let log: AuditLog

// Before the first test of the first suite: this file looks at the requests of all suites.
before('mark the audit log', async function () {
  this.timeout('5m')
  const { cluster } = await prepare()
  log = new AuditLog(cluster.auditLog ?? '')
  await log.mark()
})

/** The permissions of every account of an installation, by its name. */
async function grantedRights(): Promise<Map<string, Set<string>>> {
  const objects = manifestsIn(await helm('template', 'runnerhub', chart, '--is-upgrade'))
  const granted = new Map<string, Set<string>>()
  for (const binding of objects.filter(({ kind }) => kind.endsWith('RoleBinding'))) {
    const { kind, name } = asObject(binding['roleRef'])
    const role = objects.find((object) => object.kind === kind && object.metadata.name === name)
    for (const subject of list(binding['subjects'])) {
      if (subject['kind'] !== 'ServiceAccount') continue
      const account = String(subject['name'])
      granted.set(account, new Set([...(granted.get(account) ?? []), ...rightsOf(role)]))
    }
  }
  return granted
}

function rightsOf(role: Manifest | undefined): string[] {
  return list(role?.['rules']).flatMap(({ apiGroups, resources, verbs }) =>
    texts(apiGroups).flatMap((group) =>
      texts(resources).flatMap((resource) => texts(verbs).map((verb) => rightOf(verb, group, [resource]))),
    ),
  )
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(asObject) : []
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

describe('the rights of an installation', function () {
  this.timeout('2m')

  for (const account of ['runnerhub', 'runnerhub-crds', 'runnerhub-clean-up']) {
    it(`of ${account} are those that it has used in the earlier suites, and those with a test of their own`, async () => {
      const granted = (await grantedRights()).get(account) ?? new Set()
      const used = await log.rightsUsed(account)
      expect(used.size, 'this test needs the requests of the other suites: make test-e2e').to.be.above(0)
      const rare = rarelyUsed.filter((row) => row.account === account).map(({ right }) => right)
      expect(
        [...granted].filter((right) => !used.has(right) && !rare.includes(right)),
        'unused',
      ).to.deep.equal([])
      expect(
        rare.filter((right) => !granted.has(right)),
        'not granted',
      ).to.deep.equal([])
      expect(
        [...used].filter((right) => !granted.has(right)),
        'from elsewhere',
      ).to.deep.equal([])
    })
  }
})
