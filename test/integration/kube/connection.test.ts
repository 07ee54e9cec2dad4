import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { expect } from 'chai'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { Forbidden, Unauthorized, Unreachable } from '../../../src/kube/client/errors.ts'
import type { Connection } from '../../../src/kube/connection/connection.ts'
import { fromKubeconfig } from '../../../src/kube/connection/from-kubeconfig.ts'
import { inCluster } from '../../../src/kube/connection/in-cluster.ts'
import { createReader } from '../../charts/service-account.ts'
import { startFaultProxy } from '../../faults/proxy/proxy.ts'
import { configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { reflect } from '../../observe/reflecting.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'

const never = new AbortController().signal

describe('connection', () => {
  let cluster: TestCluster
  let directory: string
  const clients: KubeClient[] = []
  let codes: number[] = []

  const clientOf = (connection: Connection): KubeClient => {
    const client = new KubeClient(connection, { userAgent: 'test', onRequest: ({ code }) => codes.push(code) })
    clients.push(client)
    return client
  }
  const list = (client: KubeClient): Promise<unknown> =>
    client.listPage(configMaps, cluster.namespace, { limit: 1 }, never)
  const put = (file: string, text: string): Promise<void> => writeFile(join(directory, file), text)
  const authority = async (): Promise<string> => String((await cluster.connection.credentials()).tls.ca)

  before(async () => {
    cluster = await openCluster()
  })

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'runnerhub-connection-'))
    codes = []
  })

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()))
    await rm(directory, { recursive: true })
  })

  after(() => cluster.close())

  describe('of a pod', () => {
    const inPod = (url: URL): Connection => inCluster({ directory, host: url.hostname, port: url.port })
    const begin = (client: KubeClient) => reflect({ client, resource: configMaps, namespace: cluster.namespace })

    it('uses the new token when the old one becomes invalid, for requests and watches', async function () {
      this.timeout(60_000)
      const proxy = await startFaultProxy(cluster)
      const first = await createReader(cluster.client, cluster.namespace, 'first')
      const second = await createReader(cluster.client, cluster.namespace, 'second')
      const token = await first.token()
      await put('token', `${token}\n`)
      await put('ca.crt', proxy.ca)
      const client = clientOf(inPod(proxy.url))
      const reflecting = begin(client)
      try {
        await reflecting.store.synced(never)
        await first.remove()
        const access = { headers: { authorization: `Bearer ${token}` }, tls: { ca: proxy.ca } }
        const probe = clientOf({ server: proxy.url, credentials: async () => access })
        const isRefused = async () => (await outcomeOf(list(probe))) instanceof Unauthorized
        await eventually(isRefused, { withinMs: 40_000, what: 'the old token to be refused', everyMs: 500 })
        await put('token', await second.token())
        codes = []
        proxy.when({ path: /watch=true/, times: 1 }).cut()
        await cluster.client.create(configMaps, newConfigMap(cluster.namespace, 'under-new-token'), never)
        await eventually(() => reflecting.store.get(`${cluster.namespace}/under-new-token`))
        expect(codes, 'of the watch').to.include(401).and.to.include(200)
        await Promise.all([list(client), list(client), list(client)])
        codes = []
        await list(client)
        expect(codes).to.deep.equal([200])
      } finally {
        await reflecting.stop()
        await proxy.close()
      }
    })

    it('throws Unauthorized after one request when there is no other token', async () => {
      await put('token', 'nonsense')
      await put('ca.crt', await authority())
      expect(await outcomeOf(list(clientOf(inPod(cluster.connection.server))))).to.be.instanceOf(Unauthorized)
      expect(codes).to.deep.equal([401])
    })

    it('uses a new CA, for requests and watches', async () => {
      const proxy = await startFaultProxy(cluster)
      const reader = await createReader(cluster.client, cluster.namespace, 'under-new-ca')
      await put('token', await reader.token())
      await put('ca.crt', proxy.ca)
      const client = clientOf(inPod(proxy.url))
      const reflecting = begin(client)
      try {
        await reflecting.store.synced(never)
        await proxy.rotate()
        expect(await outcomeOf(list(client)), 'before the new CA is known').to.be.instanceOf(Unreachable)
        await put('ca.crt', proxy.ca)
        await list(client)
        await cluster.client.create(configMaps, newConfigMap(cluster.namespace, 'under-new-ca'), never)
        await eventually(() => reflecting.store.get(`${cluster.namespace}/under-new-ca`))
      } finally {
        await reflecting.stop()
        await proxy.close()
      }
    })

    it('completes a request in flight when the CA changes', async () => {
      const proxy = await startFaultProxy(cluster)
      try {
        let ca = `${proxy.ca}${await authority()}`
        const client = clientOf({ server: proxy.url, credentials: async () => ({ headers: {}, tls: { ca } }) })
        const slow = proxy.when({ path: /slow/ }).stall()
        const first = outcomeOf(client.request('GET', '/api?slow', {}, never))
        await eventually(() => slow.hits === 1)
        ca = proxy.ca
        await list(client)
        slow.remove()
        expect(await first).to.have.property('kind', 'APIVersions')
      } finally {
        await proxy.close()
      }
    })

    it('throws when it cannot read its files', async () => {
      const outcome = await outcomeOf(list(clientOf(inPod(cluster.connection.server))))
      expect(outcome).to.be.instanceOf(Unreachable).with.property('message', 'cannot read the credentials')
    })
  })

  describe('of a kubeconfig', () => {
    const write = async (user: object, context: object = {}, more: object = {}): Promise<string> => {
      const certificate = Buffer.from(await authority()).toString('base64')
      const server = { server: cluster.connection.server.origin, 'certificate-authority-data': certificate }
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'here',
        clusters: [{ name: 'here', cluster: { ...server, ...more } }],
        contexts: [{ name: 'here', context: { cluster: 'here', user: 'me', ...context } }],
        users: [{ name: 'me', user }],
      }
      await put('kubeconfig', JSON.stringify(config))
      return join(directory, 'kubeconfig')
    }

    it('has a client certificate', async () => {
      await list(clientOf(await fromKubeconfig(cluster.kubeconfig)))
    })

    it('has a token and a namespace', async () => {
      const reader = await createReader(cluster.client, cluster.namespace, 'by-token')
      const connection = await fromKubeconfig(
        await write({ token: await reader.token() }, { namespace: cluster.namespace }),
      )
      expect(connection.namespace).to.equal(cluster.namespace)
      await list(clientOf(connection))
    })

    it('runs its exec plugin for a token, and again when the token is rejected', async () => {
      const reader = await createReader(cluster.client, cluster.namespace, 'by-program')
      const credential = (token: string): string =>
        JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } })
      await put('answer', credential('nonsense'))
      await put('program', `#!/bin/sh\ncat '${directory}/answer'\n`)
      await chmod(join(directory, 'program'), 0o755)
      const exec = {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: join(directory, 'program'),
        interactiveMode: 'Never',
      }
      const client = clientOf(await fromKubeconfig(await write({ exec })))
      expect(await outcomeOf(list(client))).to.be.instanceOf(Unauthorized)
      await put('answer', credential(await reader.token()))
      codes = []
      await list(client)
      expect(codes).to.deep.equal([401, 200])
    })

    it('uses its proxy', async () => {
      const through: string[] = []
      const proxy = createServer()
      proxy.on('connect', ({ url = '' }: IncomingMessage, socket: Duplex) => {
        through.push(url)
        const { hostname, port } = new URL(`http://${url}`)
        const onward = connect(Number(port), hostname, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
        socket.pipe(onward).pipe(socket)
        for (const end of [socket, onward]) end.on('error', () => [socket, onward].map((each) => each.destroy()))
      })
      proxy.listen(0, '127.0.0.1')
      await once(proxy, 'listening')
      const address = proxy.address()
      if (address === null || typeof address === 'string') throw new Error('not listening')
      const reader = await createReader(cluster.client, cluster.namespace, 'by-proxy')
      const more = { 'proxy-url': `http://127.0.0.1:${address.port}` }
      const client = clientOf(await fromKubeconfig(await write({ token: await reader.token() }, {}, more)))
      await list(client)
      expect(through[0]).to.equal(cluster.connection.server.host)
      await client.close()
      proxy.close()
    })

    it('selects a context, and throws when it does not exist', async () => {
      const path = await write({})
      expect(await outcomeOf(fromKubeconfig(path, 'there'))).to.be.instanceOf(TypeError)
      await fromKubeconfig(path, 'here')
      const text = await readFile(path, 'utf8')
      await put('kubeconfig', text.replace('"current-context":"here",', ''))
      expect(await outcomeOf(fromKubeconfig(path))).to.be.instanceOf(TypeError)
      const anonymous = clientOf(await fromKubeconfig(path, 'here'))
      expect(await outcomeOf(list(anonymous))).to.satisfy(
        (error: unknown) => error instanceof Unauthorized || error instanceof Forbidden,
      )
    })
  })
})

function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}
