import { aJob } from '../../objects/builders.ts'
import { archivedJob, storeAt } from '../stage/long-log.ts'
import { serveFacade } from './facade-app.ts'

// Serves one job, whose pod is gone, from the archive at a place.
const { metadata, podUid } = archivedJob
const job = aJob({ metadata, status: { phase: 'Completed', podName: 'pod', podUID: podUid } })
await serveFacade([job], storeAt(process.argv[2] ?? ''))
