import { expect } from 'chai'
import type { JobPhase, RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import { planReport, type Report } from '../../../../src/domain/job/report.ts'
import { aJob, aRunner, at, stamp } from '../../../objects/builders.ts'

const reported = { runnerId: 'r', containerId: 'c', at: stamp(30) }

interface Case {
  is: JobPhase
  /** Seconds since the delegation, if not 60. */
  age?: number
  status?: Partial<RunnerJobStatus>
  /** The job has a Runner, so that it is shown as at least assigned. */
  hasRunner?: true
  says: Report
  /** The result: nothing, a contradiction, or these fields of the status. */
  leadsTo: 'known' | 'refused' | Partial<RunnerJobStatus>
}

const stamped = (seconds: number) => at(seconds).toISOString()
const renewed = { at: stamped(60) }

const cases: Record<string, Case> = {
  'moves a queued job forward': {
    is: 'Queued',
    says: { phase: 'Assigned' },
    leadsTo: { phase: 'Assigned', reported: renewed },
  },
  'may skip states': {
    is: 'Queued',
    says: { phase: 'Running', runnerId: 'r', containerId: 'c' },
    leadsTo: { phase: 'Running', reason: 'Reported', reported: { ...reported, ...renewed }, startedAt: stamped(60) },
  },
  'keeps the ids that it does not contain': {
    is: 'Running',
    status: { reported },
    says: { phase: 'Completed' },
    leadsTo: { phase: 'Completed', reported: { ...reported, ...renewed } },
  },
  'that a queued job is queued changes nothing': { is: 'Queued', says: { phase: 'Queued' }, leadsTo: 'known' },
  'that a queued job is queued keeps no ids': {
    is: 'Queued',
    says: { phase: 'Queued', runnerId: 'r' },
    leadsTo: 'known',
  },
  'that is repeated changes nothing': {
    is: 'Running',
    status: { reported },
    says: { phase: 'Running', runnerId: 'r', containerId: 'c' },
    leadsTo: 'known',
  },
  'with a new id changes only that': {
    is: 'Running',
    status: { reported, reason: 'Running' },
    says: { phase: 'Running', containerId: 'd' },
    leadsTo: { phase: 'Running', reason: 'Running', reported: { ...reported, ...renewed, containerId: 'd' } },
  },
  'does not revert a state': { is: 'Running', says: { phase: 'Assigned' }, leadsTo: 'refused' },
  'of completion by its proxy runner is stored with the end': {
    is: 'Running',
    age: 10,
    says: { phase: 'Completed', isCompletion: true },
    leadsTo: { phase: 'Completed', reported: { at: stamped(10), completedAt: stamped(10) } },
  },
  'of completion of a finished job is stored while another delegation would be a repeat': {
    is: 'Failed',
    age: 29,
    says: { phase: 'Failed', isCompletion: true },
    leadsTo: { phase: 'Failed', reported: { at: stamped(29), completedAt: stamped(29) } },
  },
  'of completion of a finished job changes nothing once another delegation is not a repeat': {
    is: 'Failed',
    age: 30,
    says: { phase: 'Failed', isCompletion: true },
    leadsTo: 'known',
  },
  'of completion that is already stored changes nothing': {
    is: 'Failed',
    age: 10,
    status: { reported: { at: stamp(5), completedAt: stamp(5) } },
    says: { phase: 'Failed', isCompletion: true },
    leadsTo: 'known',
  },
  'of the same end changes nothing, whatever ids it contains': {
    is: 'Failed',
    says: { phase: 'Failed', runnerId: 'r' },
    leadsTo: 'known',
  },
  'of another end is rejected': { is: 'Failed', says: { phase: 'Completed' }, leadsTo: 'refused' },
  'that a job with a Runner is queued is rejected before its state is written': {
    is: 'Queued',
    hasRunner: true,
    says: { phase: 'Queued' },
    leadsTo: 'refused',
  },
  'that a job with a Runner is assigned changes nothing before its state is written': {
    is: 'Queued',
    hasRunner: true,
    says: { phase: 'Assigned' },
    leadsTo: 'known',
  },
  'that a job with a Runner is assigned writes the state with the ids of the report': {
    is: 'Queued',
    hasRunner: true,
    says: { phase: 'Assigned', runnerId: 'r' },
    leadsTo: { phase: 'Assigned', reported: { ...renewed, runnerId: 'r' } },
  },
  'that a job with a Runner runs writes that Runner': {
    is: 'Queued',
    hasRunner: true,
    says: { phase: 'Running' },
    leadsTo: { phase: 'Running', runnerRef: { name: 'job-1', uid: 'job-1-uid' } },
  },
}

describe('a report', () => {
  for (const [what, { is, age = 60, status, hasRunner, says, leadsTo }] of Object.entries(cases)) {
    it(what, () => {
      const now = at(age)
      const job = aJob({ status: { phase: is, ...status } })
      const plan = planReport(job, hasRunner && aRunner({ job }), says, now)
      if (typeof leadsTo === 'string') expect(plan).to.deep.equal({ is: leadsTo })
      else expect(plan.is === 'write' ? plan.status : plan).to.deep.include(leadsTo)
    })
  }
})
