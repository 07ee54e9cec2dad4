import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import { expect } from 'chai'
import { HttpError } from '../../../../src/http/http-error.ts'
import { readJson } from '../../../../src/http/input/json-body.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { deferred } from '../../../../src/kube/runtime/signals.ts'

interface Answer {
  status: number
  body: unknown
}

describe('a JSON body', () => {
  let server: Server
  before(async () => {
    server = createServer((incoming, response) => {
      readJson(incoming).then(
        (value) => response.end(JSON.stringify({ value })),
        (error: unknown) => {
          response.statusCode = error instanceof HttpError ? error.status : 500
          response.end(JSON.stringify(String(error)))
        },
      )
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => server.close())

  function send(body: string | Buffer, type: string | undefined = 'application/json'): Promise<Answer> {
    const port = Number(asObject(server.address())['port'])
    const headers = type === '' ? {} : { 'content-type': type }
    return new Promise((resolve, reject) => {
      const sent = request({ port, host: '127.0.0.1', method: 'POST', headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) }),
        )
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  it('is read', async () => {
    expect(await send('{"a":[1,"ü",null]}')).to.deep.equal({ status: 200, body: { value: { a: [1, 'ü', null] } } })
  })

  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/vnd.api+json',
  ]) {
    it(`is accepted as ${type}`, async () => expect((await send('1', type)).status).to.equal(200))
  }

  for (const type of [
    '',
    'text/plain',
    'application/jsonp',
    'application/x-www-form-urlencoded',
    'text/json; application/json',
  ]) {
    it(`may not be sent as ${type === '' ? 'nothing' : type}`, async () =>
      expect((await send('1', type)).status).to.equal(415))
  }

  for (const [what, body] of Object.entries({
    nothing: '',
    'half of one': '{"a":',
    'two of them': '{} {}',
    'bytes that are no UTF-8': Buffer.from([0x22, 0xff, 0xfe, 0x22]),
    NaN: 'NaN',
  })) {
    it(`is 400 when it is ${what}`, async () => expect((await send(body)).status).to.equal(400))
  }

  for (const key of ['__proto__', 'constructor', 'prototype']) {
    it(`is 400 with the key ${key}, at any depth, in any escaping`, async () => {
      const escaped = key.replaceAll(/[a-z]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)
      for (const name of [key, escaped]) {
        expect(await send(`{"a":[{"${name}":1}]}`)).to.deep.include({ status: 400 })
        expect((await send(`{"${name}":{}}`)).body).to.include(key)
      }
    })
  }

  it('is 400 if a string is not valid Unicode, and the error names the field', async () => {
    for (const [body, field] of [
      [String.raw`{"workflow":"\ud800"}`, 'workflow'],
      [String.raw`{"labels":["a","\udc00b"]}`, 'labels[1]'],
      [String.raw`{"a":[{"b":"x\ud83dx"}]}`, 'a[0].b'],
      [String.raw`"\ud800"`, 'body'],
    ] as const) {
      const answer = await send(body)
      expect(answer.status, body).to.equal(400)
      expect(answer.body).to.include(`${field} must be Unicode text`)
    }
    expect((await send(String.raw`"\ud83d\ude00"`)).body, 'a whole pair').to.deep.equal({ value: '😀' })
  })

  it('has at most 32 levels', async () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect((await send(nested(32))).status).to.equal(200)
    expect((await send(nested(33))).status).to.equal(400)
    expect((await send(nested(100_000))).status).to.equal(400)
  })

  it('has at most 20,000 values', async () => {
    const list = (length: number) => JSON.stringify(Array.from({ length }, () => 0))
    expect((await send(list(19_999))).status).to.equal(200)
    expect((await send(list(20_000))).status).to.equal(400)
  })

  it('has at most 256 KiB; a longer one gets a response and is not cut off', async () => {
    const text = (length: number) => JSON.stringify('x'.repeat(length - 2))
    expect((await send(text(256 * 1024))).status).to.equal(200)
    expect((await send(text(256 * 1024 + 1))).status).to.equal(413)
    for (const mebibytes of [4, 9, 20]) expect((await send(text(mebibytes * 1024 * 1024))).status).to.equal(413)
  })

  for (const [when, waits] of [
    ['in the middle of it', false],
    ['before anybody asks for it', true],
  ] as const) {
    it(`is no longer awaited when its sender disconnects ${when}`, async () => {
      const met = deferred<unknown>()
      const receiver = createServer((incoming) => {
        const read = async (): Promise<unknown> => {
          if (waits) await once(incoming, 'close').catch(() => {})
          return readJson(incoming)
        }
        read().then(met.resolve, met.resolve)
        sender.destroy()
      })
      // A failure must not keep the process from ending.
      await once(receiver.listen(0, '127.0.0.1').unref(), 'listening')
      const port = Number(asObject(receiver.address())['port'])
      const headers = { 'content-type': 'application/json', 'content-length': 100 }
      const sender = request({ port, host: '127.0.0.1', method: 'POST', headers }).on('error', () => {})
      sender.write('{"a":')
      expect(await met.promise).to.be.an('error')
      receiver.close()
    })
  }
})
