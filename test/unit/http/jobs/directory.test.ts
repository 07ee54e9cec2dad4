import { expect } from 'chai'
import { DELEGATED_BY_ANNOTATION } from '../../../../src/api/names.ts'
import { JobDirectory } from '../../../../src/http/jobs/directory.ts'
import { aJob } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'

describe('the directory of jobs', () => {
  it('ignores the case of a repository', () => {
    const scene = new FilledCaches()
    const directory = new JobDirectory(scene.caches)
    for (const [name, repository] of Object.entries({ a: 'Owner/Repo', b: 'owner/repo', c: 'owner/other' })) {
      scene.putJob(aJob({ metadata: { name }, spec: { repository } }))
    }
    for (const repository of ['owner/repo', 'OWNER/REPO']) {
      for (const filter of [{ repository }, { repository, status: 'queued' as const }]) {
        const { jobs, total } = directory.page({ page: 1, limit: 10, ...filter }, { is: 'all' })
        expect(jobs.map(({ metadata }) => metadata.name)).to.have.members(['a', 'b'])
        expect(total).to.equal(2)
      }
    }
  })

  it('has for each caller the jobs that it delegated, with every filter', () => {
    const scene = new FilledCaches()
    const directory = new JobDirectory(scene.caches)
    const names = (filter: object, user?: string) => {
      const scope = user === undefined ? ({ is: 'all' } as const) : ({ is: 'own', user } as const)
      const { jobs, total } = directory.page({ page: 1, limit: 10, ...filter }, scope)
      expect(total).to.equal(jobs.length)
      return jobs.map(({ metadata }) => metadata.name).sort()
    }
    const users = { a: 'proxy-1', b: 'proxy-2', c: 'owner/repo queued', d: undefined }
    for (const [name, user] of Object.entries(users)) {
      const annotations = user === undefined ? {} : { [DELEGATED_BY_ANNOTATION]: user }
      scene.putJob(aJob({ metadata: { name, annotations } }))
    }
    const filters = [
      {},
      { repository: 'Owner/Repo' },
      { status: 'queued' },
      { repository: 'owner/repo', status: 'queued' },
    ]
    for (const filter of filters) {
      expect(names(filter)).to.deep.equal(['a', 'b', 'c', 'd'])
      for (const name of ['a', 'b', 'c'] as const) expect(names(filter, users[name])).to.deep.equal([name])
      for (const user of ['', 'proxy', 'proxy-11', '"proxy-1"']) expect(names(filter, user)).to.deep.equal([])
    }
    scene.putJob(
      aJob({
        metadata: { name: 'a', annotations: { [DELEGATED_BY_ANNOTATION]: 'proxy-1' } },
        status: { phase: 'Completed' },
      }),
    )
    expect(names({ status: 'queued' }, 'proxy-1'), 'after its end').to.deep.equal([])
    expect(names({ status: 'completed' }, 'proxy-1')).to.deep.equal(['a'])
  })
})
