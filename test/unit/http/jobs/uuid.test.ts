import { expect } from 'chai'
import { uuidOf } from '../../../../src/http/jobs/delegate.ts'

describe('ids made from names', () => {
  it('are UUIDs of version 5', () => {
    expect(uuidOf('a')).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('never change: a repeated delegation finds its job in every version of the product', () => {
    expect(uuidOf('')).to.equal('d750b8b5-e66c-53cf-9f9f-7baca439d1ec')
    expect(uuidOf('owner/repo')).to.equal('cd01d063-7458-5d01-9559-499e2ea85fad')
  })

  it('differ for different names', () => {
    const names = Array.from({ length: 1000 }, (_, index) => uuidOf(`name ${index}`))
    expect(new Set(names).size).to.equal(1000)
  })
})
