import { expect } from 'chai'
import { BadJobMessage, factsOf } from '../../../src/proxy/job/job-message.ts'
import { messageText, typedMessage } from '../../hand-over/messages.ts'

const jobId = '5c0ffee0-1234-4abc-8def-0123456789ab'

const withGithub = (github: Record<string, unknown>): string => {
  const all = { repository: 'owner/repo', run_id: '1', ...github }
  const d = Object.entries(all).map(([k, v]) => ({ k, v }))
  return JSON.stringify({ jobId, contextData: { github: { t: 2, d } } })
}

describe('the facts of a job', () => {
  const facts = {
    jobId,
    runId: '9876543210',
    repository: 'owner/repo',
    runAttempt: 2,
    workflow: 'CI',
    sha: '0123456789abcdef0123456789abcdef01234567',
    ref: 'refs/heads/main',
    eventName: 'push',
    actor: 'octocat',
    job: 'build',
    serverUrl: 'https://github.com',
  }

  it('are read from a message as the Listener writes it', () => {
    expect(factsOf(messageText({ jobId }))).to.deep.equal(facts)
    expect(factsOf(`\uFEFF${messageText({ jobId })}`)).to.deep.equal(facts)
  })

  it('are read from one with capital letters and a type at each value', () => {
    expect(factsOf(typedMessage({ jobId }))).to.deep.equal(facts)
  })

  it('distinguish the legs of a matrix by the id of the job alone', () => {
    expect(factsOf(messageText({ jobId: 'another' }))).to.deep.equal({ ...facts, jobId: 'another' })
  })

  it('may come as numbers, with a type that is left out', () => {
    const message = withGithub({ run_id: 20.0, run_attempt: { t: 4, n: 3.0 }, actor: { s: 'octocat' } })
    expect(factsOf(message)).to.include({ runId: '20', runAttempt: 3, actor: 'octocat' })
  })

  it('have the id of the plan for that of the run, where the server says no other', () => {
    const github = { t: 2, d: [{ k: 'repository', v: { t: 0, s: 'owner/repo' } }] }
    const message = JSON.stringify({ JobId: jobId, Plan: { PlanId: 'a-plan' }, ContextData: { github } })
    expect(factsOf(message)).to.deep.equal({ jobId, runId: 'a-plan', repository: 'owner/repo' })
  })

  it('are cut or left out where the hub would refuse them, so that a job does not fail of its title', () => {
    const odd = {
      workflow: '🚀'.repeat(300),
      actor: 'a\nb',
      sha: 'main',
      run_attempt: '0',
      ref: '',
      event_name: 7,
    }
    expect(factsOf(withGithub(odd))).to.deep.equal({
      jobId,
      runId: '1',
      repository: 'owner/repo',
      workflow: '🚀'.repeat(256),
      actor: 'a b',
    })
  })

  it('are found beside an event that is longer and deeper than any', () => {
    const depth = 100_000
    const event = `${'{"t":2,"d":[{"k":"event","v":'.repeat(depth)}"x"${'}]}'.repeat(depth)}`
    const message = withGithub({ event: 'HERE', actor: 'octocat' }).replace('"HERE"', event)
    expect(factsOf(message)).to.include({ repository: 'owner/repo', actor: 'octocat' })
  })

  for (const [what, text, why] of [
    ['no JSON', '{"secret', 'is no JSON object'],
    ['a list', '["secret"]', 'is no JSON object'],
    ['no jobId', JSON.stringify({ contextData: {} }), 'has no jobId'],
    [
      'no context data',
      JSON.stringify({ jobId, contextData: { github: { t: 2 } } }),
      'has no contextData.github.run_id',
    ],
    [
      'context data of another shape',
      JSON.stringify({ jobId, contextData: [{ github: 'secret' }] }),
      'has no contextData.github.run_id',
    ],
    [
      'entries of another shape',
      JSON.stringify({ jobId, contextData: { github: { t: 2, d: [null, 'secret', { k: 'run_id', v: null }] } } }),
      'has no contextData.github.run_id',
    ],
    ['no repository', withGithub({ repository: { t: 1 } }), 'has no contextData.github.repository'],
  ] as const) {
    it(`are missing in a message that has ${what}, which is said without the message`, () => {
      const fact = /secret/
      expect(() => factsOf(text))
        .to.throw(BadJobMessage)
        .with.property('message')
        .that.equals(`the runner's message ${why}`)
        .and.does.not.match(fact)
    })
  }
})
