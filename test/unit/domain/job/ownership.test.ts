import { expect } from 'chai'
import { DELEGATED_BY_ANNOTATION, DELEGATION_KEY_ANNOTATION } from '../../../../src/api/names.ts'
import { isInScope, ownerOf } from '../../../../src/domain/job/ownership.ts'
import { aJob } from '../../../objects/builders.ts'

describe('the owner of a job', () => {
  const own = { is: 'own', user: 'me' } as const
  const jobs: [what: string, annotations: Record<string, string> | undefined, isOwn: boolean][] = [
    ['that the caller delegated', { [DELEGATED_BY_ANNOTATION]: 'me', [DELEGATION_KEY_ANNOTATION]: 'k' }, true],
    ['that another caller delegated', { [DELEGATED_BY_ANNOTATION]: 'you', [DELEGATION_KEY_ANNOTATION]: 'k' }, false],
    ['of a caller whose name begins like it', { [DELEGATED_BY_ANNOTATION]: 'me2' }, false],
    ['of an empty name', { [DELEGATED_BY_ANNOTATION]: '', [DELEGATION_KEY_ANNOTATION]: 'k' }, false],
    ['that an earlier version recorded without its caller', { [DELEGATION_KEY_ANNOTATION]: 'k' }, true],
    ['that kubectl created', {}, false],
    ['without annotations', undefined, false],
  ]
  for (const [what, annotations, isOwn] of jobs) {
    it(`lets ${isOwn ? 'its caller' : 'only callers with the right to all'} use a job ${what}`, () => {
      const owner = ownerOf(aJob({ metadata: annotations === undefined ? {} : { annotations } }))
      expect(isInScope(owner, own)).to.equal(isOwn)
      expect(isInScope(owner, { is: 'all' })).to.equal(true)
    })
  }
})
