import { expect } from 'chai'
import { ago, duration, shortDuration } from '../../../src/page/model/durations.ts'
import { githubLinks } from '../../../src/page/model/github.ts'
import { pauseMs } from '../../../src/page/model/pace.ts'
import { jobFragment, parseRoute } from '../../../src/page/model/route.ts'

describe('a duration', () => {
  const cases: [ms: number | null, text: string][] = [
    [null, '–'],
    [0, '0 ms'],
    [450, '450 ms'],
    [8000, '8 s'],
    [185_000, '3 min 5 s'],
    [7_200_000, '2 h'],
    [7_205_000, '2 h'],
    [90_000_000, '1 d 1 h'],
  ]
  for (const [ms, text] of cases) it(`of ${ms} ms is "${text}"`, () => expect(duration(ms)).to.equal(text))

  it('is short in a column, and a moment is so long ago', () => {
    expect([shortDuration(3), shortDuration(null), shortDuration(61_000)]).to.deep.equal(['< 1 s', '–', '1 min 1 s'])
    expect([ago(0, 3000), ago(0, 59_000), ago(0, 3_700_000)]).to.deep.equal(['just now', '59 s ago', '1 h ago'])
  })
})

describe('links to GitHub', () => {
  const facts = { repository: 'owner/repo', runId: '7', githubJobId: 9, serverUrl: null, sha: 'abc123', actor: 'mona' }

  it('lead to the repository, the job in its run, the commit and the actor', () => {
    expect(githubLinks(facts)).to.deep.equal({
      repository: 'https://github.com/owner/repo',
      run: 'https://github.com/owner/repo/actions/runs/7/job/9',
      commit: 'https://github.com/owner/repo/commit/abc123',
      actor: 'https://github.com/mona',
    })
    expect(githubLinks({ ...facts, serverUrl: 'https://git.example.com/x' })?.repository).to.equal(
      'https://git.example.com/owner/repo',
    )
  })

  it('are absent where a text could lead elsewhere', () => {
    for (const serverUrl of [
      'javascript:alert(1)',
      'http://github.com',
      'https://user:password@evil.example',
      'no URL',
    ]) {
      expect(githubLinks({ ...facts, serverUrl }), serverUrl).to.equal(undefined)
    }
    for (const repository of ['a/b/c', 'a', '../b', 'a/..', 'a/b?c', 'a b/c', '//evil']) {
      expect(githubLinks({ ...facts, repository }), repository).to.equal(undefined)
    }
    const rest = githubLinks({ ...facts, runId: '7/../x', sha: '"><b>', actor: 'a/b' })
    expect(rest).to.deep.equal({ repository: 'https://github.com/owner/repo' })
  })
})

describe('the fragment of the address', () => {
  it('names a view, a job and a line of its log', () => {
    expect(parseRoute('')).to.include({ view: 'jobs' })
    expect(parseRoute('#/pools')).to.include({ view: 'pools' })
    expect(parseRoute(jobFragment('a-1', 12))).to.deep.equal({ view: 'job', id: 'a-1', line: 12 })
    expect(parseRoute('#/jobs/a?line=x')).to.deep.equal({ view: 'job', id: 'a', line: undefined })
    for (const other of ['#/jobs/a/b', '#/jobs/%2e%2e', '#/else', '#/pools/a']) {
      expect(parseRoute(other), other).to.deep.equal({ view: 'unknown' })
    }
  })
})

describe('how often a view is read again', () => {
  const headers = (remaining: number, resetSeconds: number) =>
    new Headers({ 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset': String(resetSeconds) })

  it('leaves three quarters of the calls to others', () => {
    expect(pauseMs(headers(100, 900), 0)).to.equal(36_000)
    expect(pauseMs(headers(3, 900), 0)).to.equal(600_000)
    expect(pauseMs(headers(1e6, 900), 0)).to.equal(5000)
    expect(pauseMs(new Headers(), 0)).to.equal(5000)
  })
})
