import { access, constants, mkdtemp, readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeClient } from '../../src/kube/client/client.ts'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { fromKubeconfig } from '../../src/kube/connection/from-kubeconfig.ts'
import { atTheEnd } from './cleaner.ts'
import { command, localTool } from './command.ts'

/** A control plane for one test, without nodes: etcd and the API server. No other test uses it. */
export interface ControlPlane {
  /** The path of an administrator's kubeconfig. */
  kubeconfig: string
  connection: Connection
  /** Kills the API server, with requests in flight. */
  killApiServer(): Promise<void>
  /** Starts it again at the same address, with the same data. */
  startApiServer(): Promise<void>
  /** Saves etcd's store, as a backup of a cluster does. */
  saveSnapshot(): Promise<void>
  /** Stops etcd and the API server, and starts them with the saved store: versions go back. */
  restoreSnapshot(): Promise<void>
  /** Raises or clears the alarm that etcd raises when its store is full: until it is cleared, etcd refuses every write. */
  alarmNoSpace(action: 'ACTIVATE' | 'DEACTIVATE'): Promise<void>
  /**
   * Starts the controllers for garbage collection and service accounts, or others, by flags of its own. Install the kinds
   * that they must know before.
   */
  startControllerManager(...flags: string[]): Promise<void>
  stopControllerManager(): Promise<void>
  /** A new client, which is closed with the control plane. */
  client(userAgent?: string): KubeClient
  stop(): Promise<void>
}

export interface ControlPlaneOptions {
  /** Keep an audit log in `<directory>/audit.log`. */
  audit?: boolean
  /** Keep all state on the disk, so that a write costs what it costs a cluster. Otherwise it is in memory, where it can be. */
  onDisk?: boolean
}

/** Many control planes at a time wait for the disk more than for anything else. */
const memory = '/dev/shm'

function canWrite(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  )
}

/** Starts a control plane in some seconds; stop it in `after`. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const isInMemory = options.onDisk !== true && (await canWrite(memory))
  const directory = await mkdtemp(join(isInMemory ? memory : tmpdir(), 'runnerhub-test-'))
  const flags = options.audit === true ? [] : ['--no-audit']
  const tool = (verb: string, ...rest: string[]): Promise<string> =>
    command(localTool('control-plane'), verb, directory, ...rest)
  const remove = atTheEnd(localTool('control-plane'), 'stop', directory, '--remove')
  try {
    await tool('start', ...flags)
  } catch (error) {
    await remove()
    throw error
  }
  const kubeconfig = join(directory, 'kubeconfig')
  const snapshot = join(directory, 'snapshot.db')
  const connection = await fromKubeconfig(kubeconfig)
  const clients: KubeClient[] = []
  return {
    kubeconfig,
    connection,
    killApiServer: async () => void (await tool('kill-apiserver')),
    startApiServer: async () => void (await tool('start-apiserver')),
    saveSnapshot: async () => void (await tool('save-snapshot', snapshot)),
    restoreSnapshot: async () => void (await tool('restore-snapshot', snapshot)),
    alarmNoSpace: (action) => alarmNoSpace(directory, action),
    startControllerManager: async (...more) => void (await tool('start-controller-manager', ...more)),
    stopControllerManager: async () => void (await tool('stop-controller-manager')),
    client(userAgent = 'runnerhub-test') {
      const client = new KubeClient(connection, { userAgent })
      clients.push(client)
      return client
    },
    async stop() {
      await Promise.all(clients.map((client) => client.close()))
      await remove()
    },
  }
}

/** One call of etcd's gRPC gateway, as `etcdctl alarm` makes it. */
async function alarmNoSpace(directory: string, action: 'ACTIVATE' | 'DEACTIVATE'): Promise<void> {
  const pki = (name: string): Promise<Buffer> => readFile(join(directory, 'pki', name))
  const [ca, cert, key] = await Promise.all([pki('etcd-ca.crt'), pki('etcd-client.crt'), pki('etcd-client.key')])
  const settings = await readFile(join(directory, 'settings'), 'utf8')
  const port = /^ETCD_PORT="(\d+)"$/m.exec(settings)?.[1]
  const url = `https://127.0.0.1:${port}/v3/maintenance/alarm`
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(url, { method: 'POST', ca, cert, key }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode))
    })
    sent.once('error', reject).end(JSON.stringify({ action, alarm: 'NOSPACE', memberID: '0' }))
  })
  if (status !== 200) throw new Error(`etcd responded ${status} to the alarm`)
}
