import { REPOSITORY_PATTERN } from '../../../src/api/fields.ts'
import { REASON_PATTERN } from '../../../src/api/reasons.ts'
import { delegationFields, runnerJobs, runnerJobSpec, runnerJobStatus } from '../../../src/api/runner-job.ts'
import { runnerPools, runnerPoolSpec, runnerPoolStatus } from '../../../src/api/runner-pool.ts'
import { runners, runnerSpec, runnerStatus } from '../../../src/api/runner.ts'

const time = '2026-01-01T00:00:00.123Z'
const condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Fine',
  message: 'all is well',
  lastTransitionTime: time,
  observedGeneration: 1,
}

/** A spec and a status of each kind with every field in it. A test fails where one is missing. */
export const samples = [
  {
    kind: 'RunnerJob',
    resource: runnerJobs,
    specSchema: runnerJobSpec,
    statusSchema: runnerJobStatus,
    spec: {
      repository: 'owner/repo',
      runId: '1',
      jobId: '2',
      runAttempt: 1,
      workflow: 'CI',
      runnerName: 'proxy',
      sha: 'abcdef0123',
      ref: 'refs/heads/main',
      eventName: 'push',
      actor: 'octocat',
      labels: ['self-hosted'],
      delegatedAt: time,
      message: { id: 'a1b2c3d4', parts: 2, runnerVersion: '2.336.0', serverUrl: 'https://github.com' },
      poolName: 'pool',
      priority: 1,
      cancel: false,
      timeoutSeconds: 60,
      ttlSecondsAfterFinished: 60,
    },
    status: {
      phase: 'Running',
      reason: 'Running',
      message: 'runs',
      runnerRef: { name: 'job-1', uid: 'uid' },
      queuePosition: 3,
      poolName: 'pool',
      turn: { priority: 1, start: 2 },
      podName: 'job-1',
      podUID: 'uid',
      containerId: 'containerd://id',
      nodeName: 'node',
      exitCode: 0,
      result: 'Succeeded',
      reported: { runnerId: 'runner', containerId: 'container', at: time, completedAt: time },
      assignedAt: time,
      startedAt: time,
      completedAt: time,
      conditions: [condition],
      observedGeneration: 1,
    },
  },
  {
    kind: 'Runner',
    resource: runners,
    specSchema: runnerSpec,
    statusSchema: runnerStatus,
    spec: {
      type: 'Ephemeral',
      displayName: 'runner',
      repository: 'owner/repo',
      labels: ['self-hosted'],
      poolName: 'pool',
      jobRef: { name: 'job', uid: 'uid' },
      attempt: 1,
      turn: { priority: 1, start: 2 },
    },
    status: {
      phase: 'Busy',
      reason: 'Running',
      message: 'runs',
      podName: 'job-1',
      podUID: 'uid',
      containerId: 'containerd://id',
      nodeName: 'node',
    },
  },
  {
    kind: 'RunnerPool',
    resource: runnerPools,
    specSchema: runnerPoolSpec,
    statusSchema: runnerPoolStatus,
    spec: {
      labels: ['self-hosted'],
      repositories: ['owner/*'],
      mode: 'Worker',
      worker: { runnerDirectory: '/home/runner' },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'runner', image: 'image' }] } },
      maxRunners: 2,
      perRepository: { maxRunning: 1, weights: [{ repository: 'owner/*', weight: 2 }] },
      priorities: [{ priority: 1, repository: 'owner/*', event: 'push', ref: 'refs/*', workflow: 'CI' }],
      priorityAgingSeconds: 60,
      paused: false,
      finishedJobsLimit: 10,
      finishedJobTTLSeconds: 60,
      finishedPodTTLSeconds: 60,
    },
    status: {
      conditions: [condition],
      running: 1,
      starting: 1,
      queued: 1,
      oldestQueuedAt: time,
      limitsReached: ['maxRunners'],
      observedGeneration: 1,
    },
  },
]

const text = delegationFields.workflow.pattern

/** For each pattern in the schemas: strings that match and strings that do not. */
export const patterns: Readonly<Record<string, { good: string[]; bad: string[] }>> = {
  [text]: {
    good: ['plain', 'größer 🚀', '$(cat /etc/passwd)', '"quoted" \\ \u00a0'],
    bad: ['line\nbreak', 'tab\there', 'nul\u0000', 'delete\u007f', 'next\u0085line', '\u001b[31m'],
  },
  [REPOSITORY_PATTERN]: {
    good: ['owner/repo', 'O-w_n.er/.github', '.a/..b', '0/0', '-/_', 'a/...'],
    bad: [
      '',
      'owner',
      '/repo',
      'owner/',
      'a/b/c',
      './repo',
      'owner/.',
      '../repo',
      'owner/..',
      'own er/repo',
      'ö/repo',
      'a/b\n',
      'a%2f/b',
    ],
  },
  [delegationFields.sha.pattern]: {
    good: ['abcdef', 'ABCDEF0123456789', 'f'.repeat(64)],
    bad: ['', 'abcde', 'f'.repeat(65), 'abcdeg', ' abcdef', 'abcdef\n'],
  },
  [REASON_PATTERN]: {
    good: ['PoolFull', 'OOMKilled', 'X', `R${'e'.repeat(63)}`],
    bad: ['', 'poolFull', 'Pool Full', 'Pool-Full', 'Exit1', `R${'e'.repeat(64)}`],
  },
  [runnerJobSpec.properties.message.properties.id.pattern]: {
    good: ['0', 'a1b2c3d4', 'z'.repeat(16)],
    bad: ['', 'z'.repeat(17), 'A', 'a-b', 'a.b', 'a\n'],
  },
  [runnerJobSpec.properties.message.properties.runnerVersion.pattern]: {
    good: ['2.336.0', '3.0', '1.2.3.4', `${'9'.repeat(9)}.0`],
    bad: ['', '2', 'v2.336.0', '2.336.0-rc1', '2..0', '1.2.3.4.5', `${'9'.repeat(10)}.0`, '2.336.0\n'],
  },
  [runnerJobSpec.properties.message.properties.serverUrl.pattern]: {
    good: ['https://github.com', 'http://ghes.example.com:8080', 'https://host/runner/server'],
    bad: [
      '',
      'github.com',
      'https://',
      'https://host/',
      'https://a b',
      'https://user@host',
      'https://host?q',
      'https://host\n',
    ],
  },
  [runnerPoolSpec.properties.worker.properties.runnerDirectory.pattern]: {
    good: ['/', '/home/runner', '/opt/my runner'],
    bad: ['', 'runner', './runner', '/opt\nrunner'],
  },
  [runnerPoolSpec.properties.repositories.items.pattern]: {
    good: ['owner/repo', '*/*', 'owner/*-ci-*', '.a/b'],
    bad: ['', '*', 'owner', 'owner/', '/repo', 'a/b/c', 'owner/[ab]', 'owner/re?o'],
  },
  [runnerJobSpec.properties.delegatedAt.pattern]: {
    good: [
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.123456789Z',
      '2026-01-01T23:59:59-11:30',
      '2026-01-01T00:00:00.1+14:00',
    ],
    bad: [
      '',
      '2026-01-01',
      '2026-01-01T00:00:00',
      '2026-01-01T00:00:00,5Z',
      '2026-01-01T00:00:00+99:00',
      '2026-01-01 00:00:00Z',
      'now',
    ],
  },
}
