import type { RunnerJob } from '../../../src/api/runner-job.ts'
import { aJob, at } from '../../objects/builders.ts'
import { serveFacade } from './facade-app.ts'

const phases = ['Queued', 'Running', 'Completed', 'Completed', 'Completed', 'Failed', 'Cancelled'] as const

// Serves many jobs. Lists and metrics need only these.
await serveFacade(jobs(Number(process.argv[2])))

/** Five hundred repositories, one delegation every ten seconds. */
function* jobs(count: number): Generator<RunnerJob> {
  for (let index = 0; index < count; index += 1) {
    const name = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
    yield aJob({
      metadata: { name },
      spec: { repository: `owner/repo-${index % 500}`, delegatedAt: at(index * 10).toISOString() },
      status: { phase: phases[index % phases.length] ?? 'Queued' },
    })
  }
}
