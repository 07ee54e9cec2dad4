import { expect } from 'chai'
import { delegationFields, runnerJobSpec, runnerJobStatus } from '../../../src/api/runner-job.ts'
import { runnerPoolSpec } from '../../../src/api/runner-pool.ts'
import { runnerSpec } from '../../../src/api/runner.ts'
import { parseHandOver } from '../../../src/http/hand-over/message-body.ts'
import { parseDelegation } from '../../../src/http/jobs/delegation-body.ts'
import { parseCompletion, parseStatusReport } from '../../../src/http/jobs/status-report.ts'
import { parseHeartbeat } from '../../../src/http/runners/heartbeat.ts'

/** The bodies that callers send, the least that each needs, and the fields that it may have. */
const bodies: Record<string, [parse: (body: object) => unknown, least: object, own: readonly string[]]> = {
  'a delegation': [parseDelegation, { jobId: '1', runId: '2', repository: 'o/r' }, Object.keys(delegationFields)],
  'a delegation with its message': [
    (body) => parseHandOver(Buffer.from(`${JSON.stringify(body)}\n`)),
    { jobId: '1', runId: '2', repository: 'o/r' },
    [...Object.keys(delegationFields), 'message'],
  ],
  'a report of a state': [parseStatusReport, { status: 'running' }, ['status', 'runnerId', 'containerId']],
  'a completion': [parseCompletion, { status: 'failed' }, ['status', 'runId', 'jobId']],
  'a heartbeat': [(body) => parseHeartbeat('proxy', body), { labels: ['a'] }, ['labels', 'repository']],
}

/** Fields that callers must not set: those of our kinds, of every object, and of pods. */
const privileged = [
  ...[runnerJobSpec, runnerJobStatus, runnerSpec, runnerPoolSpec].flatMap(({ properties }) => Object.keys(properties)),
  'apiVersion kind metadata spec status uid name namespace labels annotations ownerReferences finalizers'.split(' '),
  'resourceVersion deletionTimestamp delegatedBy user groups podTemplate template containers initContainers'.split(' '),
  'image command args env envFrom volumes hostPath hostNetwork hostPID nodeName nodeSelector'.split(' '),
  'serviceAccountName securityContext privileged runtimeClassName priorityClassName tolerations'.split(' '),
  'toString hasOwnProperty valueOf'.split(' '),
].flat()

describe('privileged fields in a body', () => {
  for (const [what, [parse, least, own]] of Object.entries(bodies)) {
    it(`have no effect: ${what}`, () => {
      const others = privileged.filter((field) => !own.includes(field))
      expect(others).to.have.length.above(40)
      for (const value of [true, 0, 'x', null, ['x'], { privileged: true, name: 'x' }]) {
        const more = Object.fromEntries(others.map((field) => [field, value]))
        expect(parse({ ...more, ...least })).to.deep.equal(parse(least))
      }
    })
  }
})
