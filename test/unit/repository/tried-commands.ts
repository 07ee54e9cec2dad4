/** A command of a document, by its beginning, and the test that tries it. */
export interface TriedCommand {
  document: string
  command: string
  /** Relative to `test`. */
  file: string
  title: string
}

type Tried = [document: string, command: string]

/** The tests of the documents' commands; a title with `${…}` is for many commands. */
const byTest: [file: string, title: string, tried: Tried[]][] = [
  [
    'e2e/make-run.test.ts',
    'deploys with the settings given, shows a job by its log, by REST and by kubectl, and ends with 0',
    [
      ['README.md', 'make run     # a cluster'],
      ['docs/quick-start.md', 'make run'],
      ['README.md', 'make run RATE_LIMIT_MAX=10000'],
      ['README.md', 'make run LOG_ARCHIVE=s3'],
      ['docs/log-archive.md', 'make run LOG_ARCHIVE=s3'],
    ],
  ],
  [
    'integration/docs/commands.test.ts',
    'a job is delegated, shown, and its log followed to its end',
    [
      ['docs/quick-start.md', 'curl -X POST'],
      ['docs/quick-start.md', 'ID=…'],
      ['README.md', 'curl -X POST'],
    ],
  ],
  [
    'integration/docs/commands.test.ts',
    'a service account gets a token with which it may delegate jobs',
    [['docs/quick-start.md', 'kubectl -n runnerhub create serviceaccount']],
  ],
  [
    'integration/docs/commands.test.ts',
    'the plugin of kubectl is installed, and shows a job from its delegation to its end',
    [
      ['docs/kubectl.md', 'make kubectl-runnerhub'],
      ['docs/kubectl.md', 'kubectl runnerhub -n runnerhub delegate'],
      ['docs/kubectl.md', 'kubectl runnerhub -n runnerhub top'],
      ['docs/kubectl.md', 'kubectl runnerhub completion kubectl'],
    ],
  ],
  [
    'unit/repository/package.test.ts',
    'installs the plugin of kubectl and its completion as programs',
    [['docs/kubectl.md', 'npm pack']],
  ],
  [
    'e2e/logs.test.ts',
    'is followed by the plugin that the image holds, since that is the same file',
    [['docs/kubectl.md', 'kubectl --namespace runnerhub exec deploy/runnerhub']],
  ],
  [
    'integration/docs/commands.test.ts',
    'a job is cancelled',
    [['docs/quick-start.md', 'kubectl -n runnerhub patch rj']],
  ],
  [
    'integration/docs/commands.test.ts',
    'run unchanged: ${document}: ${command}',
    [
      ['docs/quick-start.md', 'kubectl --namespace runnerhub get rj,rn,rp'],
      ['README.md', 'kubectl get rj'],
      ['docs/api.md', 'kubectl get rj'],
      ['docs/github.md', 'kubectl get rj'],
      ['docs/github.md', 'kubectl describe rj'],
      ['docs/install.md', 'kubectl --namespace runnerhub get rj,rn,rp'],
      ['docs/operations.md', 'kubectl get rj'],
      ['docs/operations.md', 'kubectl describe rj'],
      ['docs/runbooks/RunnerHubAbsent.md', 'kubectl --namespace NAMESPACE get pods'],
      ['docs/runbooks/RunnerHubApiErrors.md', "kubectl get --raw '/readyz"],
      ['docs/runbooks/RunnerHubInfrastructureFails.md', 'kubectl --namespace NAMESPACE get rj'],
      ['docs/runbooks/RunnerHubInfrastructureFails.md', 'kubectl get nodes'],
      ['docs/runbooks/RunnerHubInfrastructureFails.md', 'kubectl describe node'],
      ['docs/runbooks/RunnerHubJobsFail.md', 'kubectl --namespace NAMESPACE get rj'],
      ['docs/runbooks/RunnerHubLogsLost.md', 'kubectl --namespace NAMESPACE get rj'],
      ['docs/runbooks/RunnerHubNoLeader.md', 'kubectl --namespace NAMESPACE get lease'],
      ['docs/runbooks/RunnerHubQueueStuck.md', 'kubectl --namespace NAMESPACE get rj'],
      ['docs/runbooks/RunnerHubSlowStart.md', 'kubectl --namespace NAMESPACE get rj'],
      ['docs/troubleshooting.md', 'kubectl get rj'],
      ['docs/spec/v1/runnerjob.md', 'kubectl explain rj.spec'],
      ['docs/spec/v1/runnerjob.md', 'kubectl get rj'],
      ['docs/spec/v1/runnerjob.md', 'kubectl get rp'],
      ['docs/pools.md', 'kubectl get rp'],
      ['docs/spec/v1/runnerjob.md', 'kubectl describe rp'],
      ['docs/spec/v1/runnerjob.md', 'kubectl --namespace runnerhub describe rj'],
      ['docs/spec/v1/runnerjob.md', 'kubectl --namespace runnerhub wait'],
    ],
  ],
  [
    'integration/docs/commands.test.ts',
    'the chart is installed into a new namespace, with another image',
    [['charts/runnerhub/README.md', 'helm install runnerhub']],
  ],
  [
    'integration/docs/commands.test.ts',
    'the token of the proxy runners is read from its Secret',
    [['charts/runnerhub/README.md', 'kubectl --namespace runnerhub get secret']],
  ],
  [
    'e2e/documented.test.ts',
    'cURL: a job is delegated, not found by the printed id, shown by its own id, and listed',
    [
      ['docs/api.md', 'curl -X POST'],
      ['docs/api.md', 'curl http://localhost:3000/api/jobs/550e'],
      ['docs/api.md', 'curl "http://localhost:3000/api/jobs?'],
    ],
  ],
  [
    'e2e/install.test.ts',
    'installs an operator that passes helm test',
    [
      ['docs/install.md', 'export IMAGE_REPOSITORY'],
      ['docs/install.md', 'kubectl create namespace'],
      ['docs/install.md', 'helm test'],
    ],
  ],
  ['e2e/install.test.ts', 'ends with a job that was delegated by hand', [['docs/install.md', 'TOKEN=$(kubectl']]],
  [
    'e2e/chart.test.ts',
    'is upgraded with other values and another CRD while 20 jobs run: none is lost or run again, each end is reported',
    [
      [
        'docs/operations.md',
        'helm upgrade runnerhub charts/runnerhub --namespace runnerhub --reset-then-reuse-values --wait',
      ],
    ],
  ],
  ['e2e/chart.test.ts', 'is rolled back', [['docs/operations.md', 'helm rollback']]],
  [
    'e2e/chart.test.ts',
    'is uninstalled while jobs run, with all but RunnerJobs and own pools; then its namespace goes in a minute',
    [['docs/operations.md', 'helm uninstall runnerhub']],
  ],
  [
    'integration/docs/commands.test.ts',
    'all jobs and pools are deleted, and the definitions have the names in the command',
    [['docs/operations.md', 'kubectl --namespace runnerhub delete rj,rp']],
  ],
  [
    'integration/chart/hooks.test.ts',
    'leaves pods that the command of docs/operations.md releases',
    [
      ['docs/operations.md', 'helm uninstall --no-hooks'],
      ['docs/operations.md', 'kubectl --namespace runnerhub get pods --output go-template'],
    ],
  ],
  [
    'integration/docs/commands.test.ts',
    'the log of the clean-up has the cause of its failure',
    [['docs/operations.md', 'kubectl --namespace runnerhub logs job/']],
  ],
  [
    'integration/docs/backup.test.ts',
    'restores pools and totals in an empty namespace',
    [
      ['docs/operations.md', 'kubectl --namespace runnerhub get runnerpools'],
      ['docs/operations.md', 'kubectl apply --server-side'],
    ],
  ],
  [
    'integration/docs/values.test.ts',
    'enable everything that the command for monitoring needs',
    [
      [
        'docs/operations.md',
        'helm upgrade runnerhub charts/runnerhub --namespace runnerhub --reset-then-reuse-values \\',
      ],
    ],
  ],
  [
    'unit/proxy/installation.test.ts',
    'is done by the five commands of docs/github.md',
    [['docs/github.md', 'curl -fsSO']],
  ],
  [
    'unit/faults/settings.test.ts',
    'are what make passes on',
    [
      ['docs/reliability.md', 'make faults SEEDS=20'],
      ['docs/reliability.md', 'make faults SEED=4'],
    ],
  ],
  [
    'faults/drift/drift.test.ts',
    'bring each kind back together, with Events that say so, and nothing counted any more',
    [['docs/runbooks/RunnerHubDrift.md', 'kubectl --namespace NAMESPACE get events']],
  ],
  [
    'unit/limits/settings.test.ts',
    'are what make passes on',
    [
      ['docs/reliability.md', 'make limits CONNECTIONS=10000'],
      ['docs/reliability.md', 'make limits JOBS=10000'],
    ],
  ],
  [
    'unit/soak/verdict.test.ts',
    'are what make passes on',
    [
      ['docs/reliability.md', 'make soak MINUTES=120'],
      ['docs/reliability.md', 'make soak MINUTES=10 RATE=3'],
    ],
  ],
  ['unit/bench/options.test.ts', 'are listed by --help', [['docs/performance.md', 'node test/bench/main.ts --help']]],
  [
    'integration/docs/commands.test.ts',
    'RunnerHubApiErrors: shows which callers the API server has rejected, if any',
    [['docs/runbooks/RunnerHubApiErrors.md', 'kubectl get --raw /metrics']],
  ],
  [
    'integration/docs/commands.test.ts',
    'RunnerHubReconcileErrors: finds the errors of every replica, however much it has logged since',
    [['docs/runbooks/RunnerHubReconcileErrors.md', 'kubectl --namespace NAMESPACE logs']],
  ],
]

export const triedCommands: TriedCommand[] = byTest.flatMap(([file, title, tried]) =>
  tried.map(([document, command]) => ({ document, command, file, title })),
)
