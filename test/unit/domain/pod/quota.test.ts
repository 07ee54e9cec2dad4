import { expect } from 'chai'
import { isTooBig, quantityOf, quotaMessage } from '../../../../src/domain/pod/quota.ts'

function refusal(requested: string, limited: string): string {
  return `pods "job-1" is forbidden: exceeded quota: q, requested: ${requested}, used: cpu=1, limited: ${limited}`
}

const cases: [requested: string, limited: string, isTooBig: boolean][] = [
  ['memory=128Mi', 'memory=64Mi', true],
  ['memory=64Mi', 'memory=64Mi', false],
  ['limits.cpu=1500m,pods=1', 'limits.cpu=1,pods=5', true],
  ['cpu=500m', 'cpu=1', false],
  ['memory=1Gi', 'memory=1G', true],
  ['count/pods=1', 'count/pods=5', false],
  ['limits.ephemeral-storage=2Gi', 'limits.ephemeral-storage=1Gi', true],
  ['hugepages-2Mi=4Mi,memory=1Gi', 'hugepages-2Mi=2Mi,memory=2Gi', true],
  ['requests.nvidia.com/gpu=2', 'requests.nvidia.com/gpu=1', true],
  // A closed namespace.
  ['pods=1', 'pods=0', false],
  ['cpu=x', 'cpu=1', false],
]

describe('a pod that a quota refuses', () => {
  for (const [requested, limited, tooBig] of cases) {
    it(`${tooBig ? 'can never fit' : 'waits for quota'} with ${requested} against ${limited}`, () => {
      const message = quotaMessage(refusal(requested, limited))
      expect(isTooBig(message)).to.equal(tooBig)
      expect(message).to.include(`requested: ${requested}, limited: ${limited}`).and.not.include('used')
    })
  }

  it('has the excess in its message', () => {
    const message = quotaMessage(refusal('memory=128Mi,pods=1', 'memory=64Mi,pods=4'))
    expect(message).to.match(/^can never fit its quota: 128Mi of memory against 64Mi\. pods "job-1" is forbidden/)
  })
})

describe('a quantity', () => {
  for (const [text, number] of [
    ['0', 0],
    ['1500m', 1.5],
    ['1e3', 1000],
    ['2E', 2e18],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['100k', 100_000],
  ] as const) {
    it(`${text} is ${number}`, () => expect(quantityOf(text)).to.equal(number))
  }

  for (const text of ['', 'x', '1x', 'Mi']) {
    it(`is NaN for "${text}"`, () => expect(quantityOf(text)).to.be.NaN)
  }
})
