import { randomUUID } from 'node:crypto'
import { type NodeLogs, serveLogs } from '../kubelet/logs.ts'
import { exited, runs, unschedulable } from '../kubelet/script.ts'
import type { Operator } from '../processes/operator.ts'
import { openSite, type Site } from '../site/site.ts'
import { type PastJob, storePastJobs } from './past-jobs.ts'

/** An installation with a past and a present, as the pictures of the documentation show it. */
export interface Scene {
  site: Site
  operator: Operator
  logs: NodeLogs
  /** The id of a job that runs, with a log. */
  runningJob: string
  close: () => Promise<void>
}

const MINUTE = 60_000

const kinds = [
  { repository: 'acme/web', workflow: 'Build and test', pool: 'default', runMs: 4 * MINUTE },
  { repository: 'acme/api', workflow: 'CI', pool: 'default', runMs: 6 * MINUTE },
  { repository: 'acme/mobile', workflow: 'Release', pool: 'large', runMs: 11 * MINUTE },
  { repository: 'acme/infra', workflow: 'Terraform plan', pool: 'default', runMs: 2 * MINUTE },
  { repository: 'acme/docs', workflow: 'Publish', pool: 'default', runMs: MINUTE },
] as const

/** Jobs of the last six hours, always the same ones. */
function pastJobs(): PastJob[] {
  return Array.from({ length: 160 }, (_, index): PastJob => {
    const kind = kinds[(index * 7) % kinds.length] ?? kinds[0]
    const wave = 1 + Math.sin(index / 9)
    const isFailed = index % 13 === 4
    const isCancelled = index % 41 === 20
    const end = isFailed
      ? ({ phase: 'Failed', reason: 'ExitCode', message: 'the container ended with exit code 1', exitCode: 1 } as const)
      : isCancelled
        ? ({ phase: 'Cancelled', reason: 'CancelRequested', message: 'the job was cancelled' } as const)
        : ({
            phase: 'Completed',
            reason: 'Succeeded',
            message: 'the container ended with exit code 0',
            exitCode: 0,
          } as const)
    const { repository, workflow, pool, runMs } = kind
    return {
      spec: {
        repository,
        workflow,
        runId: String(9_200_000 + index),
        runnerName: `proxy-${1 + (index % 3)}`,
        labels: ['linux'],
      },
      status: { ...end, poolName: pool },
      agoMs: 14 * MINUTE + index * 2.1 * MINUTE,
      waitMs: 3000 + wave * 9000 + (index % 5) * 1200,
      runMs: runMs * (0.7 + (index % 7) / 10),
    }
  })
}

const logLines = [
  '\u001B[36;1mRun npm ci\u001B[0m',
  'added 412 packages in 9s',
  '\u001B[36;1mRun npm test\u001B[0m',
  '',
  '  orders',
  '    \u001B[32m✔\u001B[0m accept a basket with several currencies \u001B[90m(41 ms)\u001B[0m',
  '    \u001B[32m✔\u001B[0m keep the price of the moment of the order \u001B[90m(12 ms)\u001B[0m',
  '    \u001B[32m✔\u001B[0m reject an empty basket \u001B[90m(3 ms)\u001B[0m',
  '  payments',
  '    \u001B[32m✔\u001B[0m are taken once, however often they are sent \u001B[90m(88 ms)\u001B[0m',
  '    \u001B[33m- refund after the limit (skipped)\u001B[0m',
  '    \u001B[32m✔\u001B[0m survive a restart of the queue \u001B[90m(230 ms)\u001B[0m',
  '',
  '  \u001B[32m128 passing\u001B[0m \u001B[90m(14 s)\u001B[0m',
  '  \u001B[33m1 pending\u001B[0m',
  '\u001B[36;1mRun docker build --tag acme/api .\u001B[0m',
  '#1 [internal] load build definition from Dockerfile',
  '#2 [build 1/6] FROM docker.io/library/node:24-slim',
  '#3 [build 4/6] RUN npm run build',
]

/** Opens the scene. */
export async function openScene(): Promise<Scene> {
  const site = await openSite()
  const logs = await serveLogs(site.plane.client)
  await site.createPool('default', { labels: ['self-hosted', 'linux', 'x64'], maxRunners: 6 })
  await site.createPool('large', { labels: ['self-hosted', 'linux', 'large'], maxRunners: 2, repositories: ['acme/*'] })
  await storePastJobs(site, pastJobs())
  const present = Array.from({ length: 12 }, (_, index) => {
    const { repository, workflow } = kinds[index % kinds.length] ?? kinds[0]
    const delegatedAt = new Date(Date.now() - (index * 23 + 9) * 1000).toISOString()
    const labels = index === 1 ? ['linux', 'gpu'] : index % 4 === 2 ? ['large'] : ['linux']
    const facts = {
      runId: String(9_300_000 + index),
      jobId: String(25_500_000 + index),
      sha: '3f9c1d2ab47e',
      actor: 'mona',
    }
    const spec = { repository, workflow, delegatedAt, labels, runnerName: 'proxy-2', ref: 'refs/heads/main', ...facts }
    return { id: randomUUID(), spec: { ...spec, eventName: 'push', runAttempt: 1 } }
  })
  const starting = new Set<string | undefined>([present[4]?.id, present[5]?.id])
  site.kubelet.onPod(({ metadata }) => (starting.has(metadata.name.replace(/-1$/, '')) ? unschedulable() : runs()))
  for (const { id, spec } of present.toReversed()) await site.createJob(id, spec)
  const operator = await site.operator()
  const runningJob = present[11]?.id ?? ''
  await site.jobIs(runningJob, { phase: 'Running' })
  for (const line of logLines) logs.write(`${runningJob}-1`, line)
  const ended = present[10]?.id ?? ''
  await site.jobIs(ended, { phase: 'Running' })
  await site.kubelet.apply(`${ended}-1`, (pod) => exited(pod, 137, 'OOMKilled'))
  await site.jobIs(ended, { phase: 'Failed' })
  const close = async (): Promise<void> => {
    await site.close()
    await logs.close()
  }
  return { site, operator, logs, runningJob, close }
}
