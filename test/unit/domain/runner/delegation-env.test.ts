import { expect } from 'chai'
import { array, assert, constantFrom, oneof, property, string } from 'fast-check'
import { delegationEnv } from '../../../../src/domain/runner/delegation-env.ts'
import { aJob, aRunner } from '../../../objects/builders.ts'

function envOf(spec: Parameters<typeof aJob>[0] & object): Record<string, string> {
  const job = aJob(spec)
  return Object.fromEntries(delegationEnv(job, aRunner({ job })).map(({ name, value }) => [name, value]))
}

/**
 * The kubelet's expansion of a value. A known `$(NAME)` is replaced, an unknown one stays, `$$` becomes `$`, and any
 * other `$` stays.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
function expanded(value: string, known: (name: string) => string): string {
  const meaning = (match: string): string => (match === '$$' ? '$' : known(match.slice(2, -1)))
  return value.replaceAll(/\$\$|\$\([^)]*\)/g, meaning)
}

describe('the environment of a job', () => {
  it('has every fact of the delegation', () => {
    const spec = {
      repository: 'owner/repo',
      runId: '17',
      runAttempt: 2,
      jobId: '34',
      workflow: 'CI',
      runnerName: 'proxy-1',
      sha: 'abcdef0',
      ref: 'refs/heads/main',
      eventName: 'push',
      actor: 'octocat',
      labels: ['self-hosted', 'linux'],
    }
    expect(envOf({ metadata: { name: 'job' }, spec })).to.deep.equal({
      RUNNERHUB_DELEGATION_ID: 'job',
      RUNNERHUB_RUNNER: 'job-1',
      RUNNERHUB_REPOSITORY: 'owner/repo',
      RUNNERHUB_RUN_ID: '17',
      RUNNERHUB_RUN_ATTEMPT: '2',
      RUNNERHUB_JOB_ID: '34',
      RUNNERHUB_WORKFLOW: 'CI',
      RUNNERHUB_PROXY_RUNNER: 'proxy-1',
      RUNNERHUB_SHA: 'abcdef0',
      RUNNERHUB_REF: 'refs/heads/main',
      RUNNERHUB_EVENT_NAME: 'push',
      RUNNERHUB_ACTOR: 'octocat',
      RUNNERHUB_LABELS: 'self-hosted,linux',
    })
  })

  it('has an empty string for each unknown fact, so that a script need not test for it', () => {
    expect(envOf({})).to.include({ RUNNERHUB_WORKFLOW: '', RUNNERHUB_RUN_ATTEMPT: '', RUNNERHUB_LABELS: '' })
  })

  it('reaches the container literally: a caller’s text refers to no other variable', () => {
    const tricky = array(oneof(constantFrom('$', '(', ')', '$$', '$(RUNNERHUB_RUN_ID)', '$(SECRET)', '\\'), string()))
    const survives = property(tricky, (parts) => {
      const ref = parts.join('')
      const { RUNNERHUB_REF: value = '' } = envOf({ spec: { ref } })
      expect(expanded(value, (name) => `value of ${name}`)).to.equal(ref)
    })
    assert(survives, { numRuns: 500 })
  })
})
