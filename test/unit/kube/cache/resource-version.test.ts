import { expect } from 'chai'
import { compareVersions } from '../../../../src/kube/cache/transform.ts'

describe('resource versions', () => {
  it('are ordered as numbers, also beyond the safe integers', () => {
    const ordered = ['0', '9', '10', '99', '100', '9007199254740993', '9007199254740994', '18446744073709551615']
    const shuffled = [...ordered].toReversed().sort(compareVersions)
    expect(shuffled).to.deep.equal(ordered)
    expect(compareVersions('42', '42')).to.equal(0)
  })
})
