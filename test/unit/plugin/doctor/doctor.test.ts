import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { elementsOf } from '../../../../src/api/json.ts'
import { linesOf } from '../../../../src/plugin/doctor/doctor.ts'
import { drainRights, eachRight, operatorRights, type Right } from '../../../../src/plugin/doctor/operator-rights.ts'
import { concerns } from '../../../../src/plugin/doctor/webhook-check.ts'

function rightsIn(file: string, name: string, isClusterWide: boolean): Right[] {
  const text = readFileSync(new URL(`../../../../config/manifests/${file}`, import.meta.url), 'utf8')
  const documents = parseAllDocuments(text).map((each) => asObject(each.toJS()))
  const role = documents.find((each) => asObject(each['metadata'])['name'] === name && each['rules'] !== undefined)
  const rules = elementsOf(role?.['rules']).map(asObject)
  const words = (value: unknown): string[] => elementsOf(value).map(String)
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
    words(apiGroups).flatMap((group) => {
      const [only] = words(resourceNames)
      const rights = { group, resources: words(resources), verbs: words(verbs) }
      return eachRight([
        { ...rights, ...(only !== undefined && { name: only }), ...(isClusterWide && { isClusterWide }) },
      ])
    }),
  )
}

describe('doctor', () => {
  it('knows exactly the rights that the manifests give the operator', () => {
    const given = [
      ...rightsIn('role.yaml', 'runnerhub', false),
      ...rightsIn('cluster-role.yaml', 'runnerhub-reviews', true),
      ...rightsIn('cluster-role.yaml', 'runnerhub-nodes', true),
    ]
    const known = eachRight([...operatorRights, ...drainRights])
    const lines = (rights: readonly Right[]): string[] =>
      rights.map((right) => JSON.stringify(right, Object.keys(right).sort())).sort()
    expect(lines(known), 'src/plugin/doctor/operator-rights.ts').to.deep.equal(lines(given))
  })

  it('prints a line for each finding, and the command that mends it', () => {
    const text = linesOf(
      [
        { check: 'CRDs', is: 'ok', text: 'fine' },
        { check: 'pools', is: 'failed', text: 'not \u001b[2J ready', mend: 'kubectl edit rp' },
      ],
      false,
    )
    expect(text.split('\n')).to.deep.equal([
      'ok    CRDs             fine',
      'FAIL  pools            not ^[[2J ready',
      '                       mend: kubectl edit rp',
      '',
    ])
  })

  const rule = { apiGroups: [''], resources: ['pods'], operations: ['CREATE'] }
  const webhook = { name: 'w', clientConfig: { service: { namespace: 'x', name: 'y' } }, rules: [rule] }
  const cases: [what: string, webhook: Parameters<typeof concerns>[0], concerned: boolean][] = [
    ['for pods', webhook, true],
    ['for all kinds', { ...webhook, rules: [{ ...rule, apiGroups: ['*'], resources: ['*'] }] }, true],
    ['for our kinds', { ...webhook, rules: [{ ...rule, apiGroups: ['runnerhub.dev'], resources: ['*'] }] }, true],
    ['for other kinds', { ...webhook, rules: [{ ...rule, apiGroups: ['apps'] }] }, false],
    ['only for deletions', { ...webhook, rules: [{ ...rule, operations: ['DELETE'] }] }, false],
    ['whose failures are ignored', { ...webhook, failurePolicy: 'Ignore' }, false],
    ['of this namespace', { ...webhook, namespaceSelector: { matchLabels: { team: 'blue' } } }, true],
    ['of another namespace', { ...webhook, namespaceSelector: { matchLabels: { team: 'red' } } }, false],
    [
      'of all namespaces but this one',
      { ...webhook, namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['blue'] }] } },
      false,
    ],
    [
      'of namespaces without a label',
      { ...webhook, namespaceSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] } },
      true,
    ],
  ]
  for (const [what, given, concerned] of cases) {
    it(`${concerned ? 'looks' : 'does not look'} at the endpoints of a webhook ${what}`, () => {
      expect(concerns(given, { team: 'blue' })).to.equal(concerned)
    })
  }
})
