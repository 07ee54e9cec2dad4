import { Argument, Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { shells } from './completion/scripts.ts'
import type { Host } from './host.ts'
import { integer, span, wholeNumber, words } from './options.ts'
import type { Handlers } from './handlers.ts'
import type { Where } from './session.ts'

const exits = `
Exit codes:
  0  done; with delegate --wait: the job is Completed
  1  failed
  2  wrong usage
  3  not found: the job, or its log
  4  delegate --wait: the job is Failed
  5  delegate --wait: the job is Cancelled
  6  --wait-timeout has passed
  130  interrupted`

const flags = [
  new Option('--kubeconfig <file>', 'path to the kubeconfig; without it KUBECONFIG, then the default places'),
  new Option('--context <name>', 'context in the kubeconfig'),
  new Option('-n, --namespace <name>', 'namespace of the jobs; without it that of the context'),
] as const

type Print = Pick<Host, 'out' | 'err'>

/** The grammar of the command line. Each command is handled by the handler of its name. */
export function programOf(handlers: Handlers, { out, err }: Print, version: string): CommandUnknownOpts {
  const program = new Command('kubectl runnerhub')
    .description('Delegate, watch and explain the jobs of GitHub-RunnerHub, with nothing but a kubeconfig.')
    .version(version, '-V, --version', 'print the version of this program')
    .configureOutput({ writeOut: (text) => void out.write(text), writeErr: (text) => void err.write(text) })
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', exits)
  for (const flag of flags) program.addOption(flag)
  const where = (): Where => whereOf(program.opts())
  addDelegate(program, handlers, where)
  addList(program, handlers, where)
  addLogs(program, handlers, where)
  addWhy(program, handlers, where)
  addCancel(program, handlers, where)
  addOverviews(program, handlers, where)
  addOthers(program, handlers, where)
  return program
}

function whereOf(options: Record<string, unknown>): Where {
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
  return {
    kubeconfig: text(options['kubeconfig']),
    context: text(options['context']),
    namespace: text(options['namespace']),
  }
}

type Add = (program: Command, handlers: Handlers, where: () => Where) => void

const output = <const T extends readonly string[]>(formats: T) =>
  new Option('-o, --output <format>', 'form of the output').choices(formats)

const waitTimeout = new Option('--wait-timeout <duration>', 'give up waiting after this time, such as 10m').argParser(
  span,
)

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  kubectl runnerhub ${line}`).join('\n')}`
}

const addDelegate: Add = (program, handlers, where) => {
  program
    .command('delegate')
    .summary('create a job')
    .description('Create a job. Without --name it gets a new UUID, so that each call is another job.')
    .argument('<repository>', 'repository as owner/name')
    .option('--labels <labels>', 'labels that the pool must offer, separated by commas', words)
    .option('--pool <name>', 'run in this pool, whatever the labels are')
    .option('--priority <number>', 'jobs of a higher priority get a slot first', integer)
    .option('--workflow <name>', 'name of the workflow')
    .option('--run-id <id>', 'ID of the run at GitHub; without it the name of the job')
    .option('--job-id <id>', 'ID of the job at GitHub; without it the name of the job')
    .option('--run-attempt <number>', 'attempt of the run at GitHub', wholeNumber)
    .option('--runner-name <name>', 'name of the proxy runner that delegates the job')
    .option('--sha <commit>', 'commit')
    .option('--ref <ref>', 'Git ref')
    .option('--event-name <name>', 'event that triggered the run')
    .option('--actor <user>', 'user that triggered the run')
    .option('--timeout <duration>', 'limit for each stage of the job, such as 30m', span)
    .option('--ttl <duration>', 'how long the job is stored after its end', span)
    .option('--name <name>', 'name of the job; a second job of that name is refused')
    .option('--dry-run', 'let the API server check the job, and create nothing')
    .option('-w, --wait', 'wait for the end of the job; its phase decides the exit code')
    .option('-f, --follow', 'print the log of the job, and wait for its end')
    .addOption(waitTimeout)
    .addOption(output(['json', 'yaml', 'name']))
    .addHelpText(
      'after',
      examples(
        'delegate owner/repo --labels self-hosted,linux',
        'delegate owner/repo --labels self-hosted --workflow CI --follow',
        'delegate owner/repo --pool large --wait --wait-timeout 30m',
        'delegate owner/repo --name nightly-1 --timeout 2h -o name',
      ),
    )
    .action((repository, options) => handlers.delegate(where(), repository, options))
}

const addList: Add = (program, handlers, where) => {
  program
    .command('list')
    .alias('ls')
    .summary('list jobs')
    .description('List jobs, newest first.')
    .option('-l, --selector <labels>', 'only jobs with these labels, as in kubectl')
    .option('--field-selector <fields>', 'only jobs with these fields: spec.repository, status.phase, metadata.name')
    .option('--phase <phase>', 'only jobs in this phase')
    .option('--repository <repository>', 'only jobs of this repository')
    .option('-A, --all-namespaces', 'jobs of all namespaces')
    .option('-w, --watch', 'print each change, until Ctrl-C; JSON is one object per line then')
    .option('--no-headers', 'print no heading')
    .addOption(output(['json', 'yaml', 'wide', 'name']))
    .addHelpText(
      'after',
      examples(
        'list',
        'list --phase Failed -o wide',
        'list --repository owner/repo --watch',
        "list --field-selector 'status.phase!=Completed' -A",
        'list -l team=blue -o name',
      ),
    )
    .action((options) => handlers.list(where(), options))
}

const addLogs: Add = (program, handlers, where) => {
  program
    .command('logs')
    .summary('print the log of a job')
    .description(
      'Print the log of a job, from its pod or from the archive in the cluster. Of control sequences only colours are printed, and with NO_COLOR none.',
    )
    .argument('<job>', 'name of the job')
    .option('-f, --follow', 'wait for the pod, print lines as they come, and end with the job')
    .option('--tail <lines>', 'only the last lines', wholeNumber)
    .option('--timestamps', 'begin each line with its time')
    .option('-c, --container <name>', 'another container of the pod')
    .option('--attempt <number>', 'an earlier attempt of the job; the first is 1', wholeNumber)
    .addHelpText(
      'after',
      examples(
        'logs 0b6f9a52-1c1d-5d1e-9c56-3f6c8f1f0a11',
        'logs -f nightly-1',
        'logs nightly-1 --tail 20 --timestamps',
        'logs nightly-1 --attempt 1',
      ),
    )
    .action((job, options) => handlers.logs(where(), job, options))
}

const addWhy: Add = (program, handlers, where) => {
  program
    .command('why')
    .summary('say why a job waits or failed')
    .description('Say in words why a job waits or failed, and what would help.')
    .argument('<job>', 'name of the job')
    .addOption(output(['json', 'yaml']))
    .addHelpText('after', examples('why nightly-1', 'why nightly-1 -o json'))
    .action((job, options) => handlers.why(where(), job, options))
}

const addCancel: Add = (program, handlers, where) => {
  program
    .command('cancel')
    .summary('cancel jobs')
    .description('Ask jobs to stop. A running job has its grace period; its log stays.')
    .argument('<job...>', 'names of the jobs')
    .option('-w, --wait', 'wait for the end of the jobs')
    .addOption(waitTimeout)
    .addOption(output(['name']))
    .addHelpText('after', examples('cancel nightly-1', 'cancel nightly-1 nightly-2 --wait --wait-timeout 2m'))
    .action((jobs, options) => handlers.cancel(where(), jobs, options))
}

const addOverviews: Add = (program, handlers, where) => {
  program
    .command('top')
    .summary('show pools, slots and queue')
    .description('Show pools, their slots and their queues: live on a terminal, once elsewhere.')
    .option('--once', 'print once, also on a terminal')
    .addOption(output(['json', 'yaml', 'wide']))
    .addHelpText('after', examples('top', 'top -o wide --once', 'top -o json'))
    .action((options) => handlers.top(where(), options))
  program
    .command('doctor')
    .summary('find what is wrong with an installation')
    .description(
      'Examine CRDs, rights, operator, leader, webhooks, pools, REST API, tokens and metrics. For each fault it prints ' +
        'the command that mends it. It changes nothing.',
    )
    .addOption(output(['json', 'yaml']))
    .addHelpText('after', examples('doctor', 'doctor -n runnerhub -o json'))
    .action((options) => handlers.doctor(where(), options))
}

const addOthers: Add = (program, handlers, where) => {
  program
    .command('completion')
    .summary('print a script for completion')
    .description(
      'Print the script that completes commands, flags and names of jobs. For `kubectl runnerhub` itself, print that ' +
        'of `kubectl` into an executable file kubectl_complete-runnerhub on the PATH.',
    )
    .addArgument(new Argument('<shell>', 'shell').choices(shells))
    .addHelpText(
      'after',
      examples(
        'completion bash > ~/.local/share/bash-completion/completions/kubectl-runnerhub',
        'completion zsh > "${fpath[1]}/_kubectl-runnerhub"',
        'completion fish > ~/.config/fish/completions/kubectl-runnerhub.fish',
        'completion kubectl > ~/.local/bin/kubectl_complete-runnerhub',
      ),
    )
    .action((shell) => handlers.completion(shell))
  program
    .command('version')
    .summary('print the versions of this program and of the operator')
    .description('Print the version of this program, and the image of the operator in the namespace.')
    .option('--client', 'print only the version of this program, without asking the cluster')
    .addOption(output(['json', 'yaml']))
    .addHelpText('after', examples('version', 'version --client', 'version -o json'))
    .action((options) => handlers.version(where(), options))
}
