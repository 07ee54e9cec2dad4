import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { Metrics } from '../../../src/metrics/registry.ts'
import { aJob, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'
import { recordEverything } from '../../observe/every-metric.ts'

/** `name type labels`, a line for each metric. */
async function documented(): Promise<string[]> {
  const text = await readFile('docs/metrics.md', 'utf8')
  const rows = text.matchAll(/^\| `(github_runnerhub_\w+)` \| (\w+) \| ([^|]*)\|/gm)
  return [...rows].map(([, name = '', type = '', labels = '']) => line(name, type, labels.match(/\w+/g) ?? []))
}

/** The same of what a process exports. */
async function exported(): Promise<string[]> {
  const stores = await new FilledCaches().fill()
  await stores.caches.ledgers.replaceAll([], '1')
  const metrics = new Metrics({ clock: new HandClock(), version: '1.2.3' })
  metrics.watch(stores.caches)
  stores.putJob(aJob({ status: { phase: 'Completed', startedAt: stamp(0), completedAt: stamp(1) } }))
  recordEverything(metrics)
  const text = await metrics.text()
  return [...text.matchAll(/^# TYPE (github_runnerhub_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => {
    const labels = [...text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\}`, 'gm'))].flatMap(
      ([, pairs = '']) => [...pairs.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
    )
    return line(
      name,
      type,
      [...new Set(labels)].filter((label) => label !== 'le'),
    )
  })
}

function line(name: string, type: string, labels: readonly string[]): string {
  return [name, type, ...[...labels].sort()].join(' ')
}

describe('docs/metrics.md', () => {
  it('lists every metric with its type and its labels, and no others', async () => {
    expect((await documented()).sort()).to.deep.equal((await exported()).sort())
  })
})
