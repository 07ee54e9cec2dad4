import { expect } from 'chai'
import { MalformedEvent, parseWatchEvent } from '../../../../src/kube/cache/watch.ts'
import { aConfigMap, configMaps } from '../../../objects/config-maps.ts'

const parse = (event: unknown): unknown => parseWatchEvent(configMaps, JSON.stringify(event))

describe('a line of a watch', () => {
  const object = aConfigMap('a', 7)

  for (const type of ['ADDED', 'MODIFIED', 'DELETED']) {
    it(`may be an object that is ${type}`, () => expect(parse({ type, object })).to.deep.equal({ type, object }))
  }

  it('may be a bookmark, with or without the end of the initial events', () => {
    const bookmark = { type: 'BOOKMARK', resourceVersion: '9' }
    const annotations = { 'k8s.io/initial-events-end': 'true' }
    const at9 = { resourceVersion: '9' }
    expect(parse({ type: 'BOOKMARK', object: { metadata: at9 } })).to.deep.equal({
      ...bookmark,
      endsInitialEvents: false,
    })
    expect(parse({ type: 'BOOKMARK', object: { metadata: { ...at9, annotations } } })).to.deep.equal({
      ...bookmark,
      endsInitialEvents: true,
    })
  })

  it('may be an error, with its Status', () => {
    const status = { kind: 'Status', code: 410 }
    expect(parse({ type: 'ERROR', object: status })).to.deep.equal({ type: 'ERROR', status })
  })

  const broken: [what: string, line: string][] = [
    ['half a line', '{"type":"ADDED","object":{"meta'],
    ['no JSON', 'upstream timed out'],
    ['an unknown type', JSON.stringify({ type: 'CHANGED', object })],
    ['an object without a version', JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a' } } })],
    ['no object', JSON.stringify({ type: 'MODIFIED' })],
    ['a bookmark without a version', JSON.stringify({ type: 'BOOKMARK', object: { metadata: {} } })],
    ['null', 'null'],
  ]
  for (const [what, line] of broken) {
    it(`that is ${what} is malformed`, () => expect(() => parseWatchEvent(configMaps, line)).to.throw(MalformedEvent))
  }
})
