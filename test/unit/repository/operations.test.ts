import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { failureReasons, progressReasons, runnerReasons, waitingReasons } from '../../../src/api/reasons.ts'

describe('the guide to operations', () => {
  const text = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')

  it('explains every reason, and no other', () => {
    const explained = [...text.matchAll(/^\| `([A-Z]\w+)` \|/gm)].map(([, word]) => word)
    const reasons = new Set<string>([...waitingReasons, ...progressReasons, ...failureReasons, ...runnerReasons])
    expect(explained).to.have.members([...reasons])
  })
})
