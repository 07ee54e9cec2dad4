/** A permission that whole runs of the operator may never use, and the test that shows its purpose. */
export interface RarelyUsed {
  account: string
  right: string
  /** Relative to `test`. */
  file: string
  title: string
}

type Test = [file: string, title: string, rights: string[]]

const pages: Test[0] = 'faults/kube/reflector.test.ts'
const inPages = 'restarts a paged list when its continue token has expired'

const ofOperator: Test[] = [
  // Without WatchList.
  [
    pages,
    inPages,
    [
      'list core/configmaps',
      'list core/pods',
      'list coordination.k8s.io/leases',
      'list runnerhub.dev/runnerjobs',
      'list runnerhub.dev/runnerpools',
      'list runnerhub.dev/runners',
    ],
  ],
  [
    'integration/controllers/owners.test.ts',
    'are refused from an account that may not block the deletion of an owner',
    ['update runnerhub.dev/runnerjobs/finalizers', 'update runnerhub.dev/runners/finalizers'],
  ],
  [
    'integration/controllers/expiry.test.ts',
    'is deleted with its Runner and pod after its own TTL',
    ['delete runnerhub.dev/runnerjobs', 'delete runnerhub.dev/runners', 'create core/configmaps'],
  ],
  [
    'integration/controllers/totals.test.ts',
    'stay the same while a hundred jobs reach their TTL, and cost few writes',
    ['update core/configmaps'],
  ],
  [
    'integration/controllers/totals.test.ts',
    'survive the deletion of the ledger while a process runs',
    ['get core/configmaps'],
  ],
  [
    'integration/controllers/log-archive.test.ts',
    'deletes the oldest logs if all of them are too large',
    ['delete core/configmaps', 'list core/configmaps'],
  ],
  [
    'integration/controllers/refusals.test.ts',
    'keeps its job waiting while its pool is replaced',
    ['get runnerhub.dev/runnerpools'],
  ],
  [
    'integration/controllers/orphans.test.ts',
    'are deleted if the job ran, and the pod is released',
    ['get core/pods', 'get runnerhub.dev/runnerjobs'],
  ],
  [
    'integration/controllers/outcomes.test.ts',
    'PodDeleted: somebody deleted the Runner',
    ['get runnerhub.dev/runners', 'delete core/pods'],
  ],
  [
    'integration/facade/proxies.test.ts',
    'changes the labels and the repository, and keeps absent fields',
    ['update runnerhub.dev/runners'],
  ],
  [
    'integration/facade/reports.test.ts',
    'stops the pod of a running job, whose end a waiting call hears at once',
    ['patch runnerhub.dev/runnerjobs'],
  ],
  [
    'integration/facade/hand-over.test.ts',
    'and are gone as soon as it runs',
    ['create core/secrets', 'delete core/secrets', 'delete coordination.k8s.io/leases'],
  ],
  [
    'integration/controllers/drains.test.ts',
    'has its budget again after a restart, if somebody changed that',
    ['patch policy/poddisruptionbudgets'],
  ],
  [
    'integration/controllers/drains.test.ts',
    'has its budget until the last job of a deleted pool is over, also if no operator ran meanwhile',
    ['list policy/poddisruptionbudgets', 'delete policy/poddisruptionbudgets'],
  ],
  [
    'integration/controllers/drains.test.ts',
    'is waited for no longer than its pool allows: the job fails with Drained',
    ['watch core/nodes', 'list core/nodes'],
  ],
  [
    'integration/controllers/images.test.ts',
    'change with the template, and are there again after a restart if somebody changed them',
    ['get apps/daemonsets', 'create apps/daemonsets', 'update apps/daemonsets'],
  ],
  [
    'integration/controllers/images.test.ts',
    'are let go when the pool does not want it any more',
    ['delete apps/daemonsets'],
  ],
  [
    'integration/kube/recorder.test.ts',
    'writes one Event for a repeated occurrence, and counts it',
    ['patch events.k8s.io/events'],
  ],
  [
    'integration/facade/permissions.test.ts',
    'for HEAD are those for GET',
    ['create authentication.k8s.io/tokenreviews'],
  ],
]

const ofUpgrades: Test[] = [
  [
    'integration/chart/hooks.test.ts',
    'gets new CRDs by an upgrade: removed fields are gone, and objects are unchanged',
    ['create apiextensions.k8s.io/customresourcedefinitions'],
  ],
]

/** All permissions of this kind. */
export const rarelyUsed: RarelyUsed[] = [...rows('runnerhub', ofOperator), ...rows('runnerhub-crds', ofUpgrades)]

function rows(account: string, tests: Test[]): RarelyUsed[] {
  return tests.flatMap(([file, title, rights]) => rights.map((right) => ({ account, right, file, title })))
}
