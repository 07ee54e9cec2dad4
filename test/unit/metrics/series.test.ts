import { expect } from 'chai'
import { Metrics } from '../../../src/metrics/registry.ts'
import { aJob, aRunner, at, stamp } from '../../objects/builders.ts'
import { samplesOf } from '../../objects/samples.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'
import { recordEverything } from '../../observe/every-metric.ts'

const JOBS = 10_000
const REPOSITORIES = 500
const phases = ['Queued', 'Assigned', 'Running', 'Completed', 'Failed', 'Cancelled'] as const

/** Many jobs, each with unique texts wherever a user may set one. */
function fill(stores: FilledCaches): void {
  for (let index = 0; index < JOBS; index += 1) {
    const text = `text-${index}`
    const job = stores.putJob(
      aJob({
        metadata: { name: `job-${index}` },
        spec: {
          repository: `owner/repo-${index % REPOSITORIES}`,
          runId: text,
          jobId: text,
          workflow: text,
          actor: text,
          runnerName: text,
          ref: text,
          eventName: text,
          labels: [text],
          delegatedAt: at(index).toISOString(),
        },
        status: { phase: 'Queued', message: text },
      }),
    )
    const phase = phases[index % phases.length] ?? 'Queued'
    if (phase !== 'Queued') stores.putRunner(aRunner({ job, spec: { poolName: `pool-${index}` } }))
    const times = { assignedAt: stamp(index), startedAt: stamp(index + 1), completedAt: stamp(index + 2) }
    const requested = { cpuMillicoreSeconds: 1500, memoryMebibyteSeconds: 2 }
    stores.putJob({ ...job, status: { phase, message: text, ...times, requested } })
  }
}

describe('the metrics of 10,000 jobs of 500 repositories', () => {
  let text: string
  let samples: Map<string, number>

  before(async () => {
    const stores = await new FilledCaches().fill()
    await stores.caches.ledgers.replaceAll([], '1')
    const clock = new HandClock()
    const metrics = new Metrics({ clock, version: '1.2.3' })
    metrics.watch(stores.caches)
    fill(stores)
    recordEverything(metrics)
    text = await metrics.text()
    samples = samplesOf(text)
  })

  it('are fewer than 660 series, whatever has happened', () => {
    // Node.js exports series by its activity so far: four kinds of garbage collection, with six series each.
    const [own, others] = [...samples.keys()].reduce(
      ([mine, rest], name) => (/^nodejs_(gc|active)/.test(name) ? [mine, rest + 1] : [mine + 1, rest]),
      [0, 0],
    )
    // The rest of these is its active resources, of which a process has a few kinds.
    const reserve = 4 * 6 + 16
    // Two series each of 20 repositories and of the rest.
    expect(own).to.be.within(100, 659 - reserve)
    expect(others).to.be.below(reserve)
  })

  it('have no label with a job, a pool or a user’s text', () => {
    expect(text).to.not.match(/text-|job-\d|pool-/)
  })

  it('name 20 repositories, in two metrics, and count the others together', () => {
    const labels = [...text.matchAll(/^(\w+)\{.*"(owner\/repo-\d+|other)"\}/gm)]
    const named = (name: string) => labels.filter(([, metric]) => metric === `github_runnerhub_requested_${name}_total`)
    for (const name of ['cpu_seconds', 'memory_byte_seconds']) expect(named(name)).to.have.length(21)
    expect(labels).to.have.length(42)
    const cpu = [...samples].filter(([key]) => key.startsWith('github_runnerhub_requested_cpu_seconds_total'))
    const ended = ['completed', 'failed', 'cancelled'].map((status) =>
      samples.get(`github_runnerhub_jobs_total{status="${status}"}`),
    )
    const sum = (values: (number | undefined)[]) => values.reduce<number>((all, each) => all + (each ?? Number.NaN), 0)
    expect(sum(cpu.map(([, value]) => value))).to.be.closeTo(1.5 * sum(ended), 1e-6)
  })

  it('count them all', () => {
    const share = (index: number) => Math.ceil((JOBS - index) / phases.length)
    const jobs = (status: string) => samples.get(`github_runnerhub_jobs_total{status="${status}"}`)
    expect([jobs('completed'), jobs('failed'), jobs('cancelled')]).to.deep.equal([share(3), share(4), share(5)])
    expect(samples.get('github_runnerhub_queue_depth')).to.equal(share(0))
    const runners = (status: string) => samples.get(`github_runnerhub_runners{type="ephemeral",status="${status}"}`)
    expect(runners('starting')).to.equal(share(1))
    expect(runners('busy')).to.equal(share(2))
    expect(runners('stopping')).to.equal(share(3) + share(4) + share(5))
    expect(samples.get('github_runnerhub_job_start_seconds_count{phase="assigned"}')).to.equal(JOBS)
  })
})
