import { expect } from 'chai'
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
        const { jobs, total } = directory.page({ page: 1, limit: 10, ...filter })
        expect(jobs.map(({ metadata }) => metadata.name)).to.have.members(['a', 'b'])
        expect(total).to.equal(2)
      }
    }
  })
})
