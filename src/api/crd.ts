import { GROUP, VERSION } from './names.ts'
import type { Resource } from './object.ts'
import { immutableFields, MAX_JOB_NAME, runnerJobSpec, runnerJobStatus, runnerJobs } from './runner-job.ts'
import { runnerPoolSpec, runnerPoolStatus, runnerPools } from './runner-pool.ts'
import { runnerSpec, runnerStatus, runners } from './runner.ts'
import { type Schema, type ValidationRule, withImmutable } from './schema.ts'

interface Column {
  name: string
  type: 'string' | 'integer' | 'boolean' | 'date'
  jsonPath: string
  description: string
  /** Above 0, the column shows only with -o wide. */
  priority?: number
}

interface Kind {
  resource: Resource
  description: string
  shortName: string
  spec: Schema
  status: Schema
  rules: readonly ValidationRule[]
  columns: readonly Column[]
  selectable: readonly string[]
}

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since creation.',
}

function nameRule(longest: number): ValidationRule {
  return {
    rule: `self.metadata.name.size() <= ${longest} && !self.metadata.name.contains('.')`,
    message: `the name must have at most ${longest} characters and no dots, because pods and labels are named after it`,
  }
}

export const kinds: readonly Kind[] = [
  {
    resource: runnerJobs,
    description: 'A RunnerJob is one delegated GitHub Actions job. The operator runs it in one pod, once.',
    shortName: 'rj',
    spec: withImmutable(runnerJobSpec, immutableFields),
    status: runnerJobStatus,
    rules: [nameRule(MAX_JOB_NAME)],
    columns: [
      { name: 'Repository', type: 'string', jsonPath: '.spec.repository', description: 'Repository of the job.' },
      { name: 'Workflow', type: 'string', jsonPath: '.spec.workflow', description: 'Name of the workflow.' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Phase of the job.' },
      { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Reason for the phase.' },
      { name: 'Runner', type: 'string', jsonPath: '.status.runnerRef.name', description: 'Runner of the job.' },
      {
        name: 'Result',
        type: 'string',
        jsonPath: '.status.result',
        description: 'Result that the runner reported.',
        priority: 1,
      },
      { name: 'Exit', type: 'integer', jsonPath: '.status.exitCode', description: 'Exit code.', priority: 1 },
      { name: 'Node', type: 'string', jsonPath: '.status.nodeName', description: 'Node of the pod.', priority: 1 },
      {
        name: 'Message',
        type: 'string',
        jsonPath: '.status.message',
        description: 'Details of the reason.',
        priority: 1,
      },
      age,
    ],
    selectable: ['.spec.repository', '.status.phase'],
  },
  {
    resource: runners,
    description:
      'A Runner runs jobs. An ephemeral Runner is one pod for one job; a proxy runner is outside of the cluster.',
    shortName: 'rn',
    spec: runnerSpec,
    status: runnerStatus,
    rules: [nameRule(63)],
    columns: [
      { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Ephemeral, Proxy or Dedicated.' },
      { name: 'Repository', type: 'string', jsonPath: '.spec.repository', description: 'Repository of its job.' },
      { name: 'Pool', type: 'string', jsonPath: '.spec.poolName', description: 'RunnerPool of the Runner.' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Phase of the Runner.' },
      { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Reason for the phase.' },
      { name: 'Pod', type: 'string', jsonPath: '.status.podName', description: 'Pod of the Runner.' },
      { name: 'Called', type: 'string', jsonPath: '.spec.displayName', description: 'Name of a proxy.', priority: 1 },
      { name: 'Node', type: 'string', jsonPath: '.status.nodeName', description: 'Node of the pod.', priority: 1 },
      age,
    ],
    selectable: ['.spec.repository', '.spec.type', '.status.phase'],
  },
  {
    resource: runnerPools,
    description: 'A RunnerPool is the template and the limits of runner pods.',
    shortName: 'rp',
    spec: runnerPoolSpec,
    status: runnerPoolStatus,
    rules: [nameRule(63)],
    columns: [
      { name: 'Labels', type: 'string', jsonPath: '.spec.labels', description: 'Labels that its runners offer.' },
      { name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'What its pods run.', priority: 1 },
      { name: 'Max', type: 'integer', jsonPath: '.spec.maxRunners', description: 'Maximum number of runner pods.' },
      { name: 'Running', type: 'integer', jsonPath: '.status.running', description: 'Pods whose job runs.' },
      { name: 'Starting', type: 'integer', jsonPath: '.status.starting', description: 'Jobs that start.' },
      { name: 'Queued', type: 'integer', jsonPath: '.status.queued', description: 'Jobs that wait for a slot.' },
      {
        name: 'Oldest',
        type: 'date',
        jsonPath: '.status.oldestQueuedAt',
        description: 'How long the oldest of them has waited.',
        priority: 1,
      },
      {
        name: 'Limits',
        type: 'string',
        jsonPath: '.status.limitsReached',
        description: 'Limits that are reached.',
        priority: 1,
      },
      { name: 'Paused', type: 'boolean', jsonPath: '.spec.paused', description: 'Whether no job starts.', priority: 1 },
      {
        name: 'Ready',
        type: 'string',
        jsonPath: ".status.conditions[?(@.type=='Ready')].status",
        description: 'Whether the API server accepts its template.',
      },
      age,
    ],
    selectable: [],
  },
]

/** The CustomResourceDefinition of one kind, ready to be applied. */
export function crdOf(kind: Kind): Record<string, unknown> {
  const { plural, kind: name } = kind.resource
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        plural,
        singular: name.toLowerCase(),
        kind: name,
        listKind: `${name}List`,
        shortNames: [kind.shortName],
        categories: ['runnerhub'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns,
          ...(kind.selectable.length > 0 && { selectableFields: kind.selectable.map((jsonPath) => ({ jsonPath })) }),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: kind.description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: kind.spec,
                status: kind.status,
              },
              'x-kubernetes-validations': kind.rules,
            },
          },
        },
      ],
    },
  }
}
