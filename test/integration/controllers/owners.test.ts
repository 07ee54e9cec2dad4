import { expect } from 'chai'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { run } from '../../../config/local/run.d/program.ts'
import { controllerRef, type KubeObject, type NewObject, type Resource } from '../../../src/api/object.ts'
import { runners } from '../../../src/api/runner.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { bind, makeAccount } from '../../site/accounts.ts'
import { manifests } from '../../site/manifests.ts'
import { newPod, newRunner } from '../../site/objects.ts'
import { openSite, type Site } from '../../site/site.ts'

const roles: Resource = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'roles', kind: 'Role' }
const forever = new AbortController().signal

describe('objects that an owner’s deletion waits for', function () {
  this.timeout('60s')
  let site: Site

  before(async () => {
    site = await openSite()
    const [role] = await manifests('config/manifests/role.yaml')
    const rules = Array.isArray(role?.['rules']) ? role['rules'].map(asObject) : []
    const weaker = rules.filter(({ resources }) => !String(resources).includes('/finalizers'))
    expect(weaker).to.have.length(rules.length - 1)
    const object: NewObject<KubeObject> & { rules: unknown } = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'weaker' },
      rules: weaker,
    }
    await site.create(roles, object)
    await makeAccount(site, 'weaker')
    await bind(site, 'weaker', 'weaker')
  })
  after(() => site.close())

  /** The response to a dry-run create of an account. */
  async function created(account: string, object: unknown): Promise<string> {
    const place = { kubeconfig: site.plane.controlPlane.kubeconfig, namespace: site.namespace }
    const as = `system:serviceaccount:${site.namespace}:${account}`
    const command = kubectl(place, 'create', '--dry-run=server', '--output=name', `--as=${as}`, '--filename=-')
    const { stdout, stderr } = await run(command, { input: JSON.stringify(object) }, forever)
    return stdout + stderr
  }

  it('are refused from an account that may not block the deletion of an owner', async () => {
    const job = await site.createJob('owner')
    const runner = await site.create(runners, newRunner(job))
    const objects = { Runner: newRunner(await site.createJob('other')), Pod: ownedBy(runner) }
    for (const [kind, object] of Object.entries(objects)) {
      const respond = (account: string) => created(account, object)
      await site.until(`the operator to be let make a ${kind}`, async () =>
        /other-1|owner-1/.test(await respond('runnerhub')),
      )
      const refused = await site.until(`another to be refused a ${kind}`, async () => {
        const text = await respond('weaker')
        return text.includes('blockOwnerDeletion') && text
      })
      expect(refused).to.include("you can't set finalizers on")
    }
  })

  function ownedBy(runner: KubeObject) {
    return newPod('owner', { ownerReferences: [controllerRef(runners, runner)] })
  }
})
