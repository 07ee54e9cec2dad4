import { expect } from 'chai'
import { routes } from '../../../src/http/routes.ts'

describe('the routes', () => {
  it('need a token under /api, and nowhere else', () => {
    const open = routes.filter(({ permission }) => permission === 'open').map(({ path }) => path)
    const inApi = routes.map(({ path }) => path).filter((path) => path.startsWith('/api/'))
    expect([...open, ...inApi]).to.have.members(routes.map(({ path }) => path))
  })
})
