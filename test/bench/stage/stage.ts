import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { runners } from '../../../src/api/runner.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import type { Connection } from '../../../src/kube/connection/connection.ts'
import { eventually } from '../../observe/eventually.ts'
import { startControlPlane } from '../../processes/control-plane.ts'
import { manifests } from '../../site/manifests.ts'
import { createManifest } from '../measures/create-manifest.ts'
import { type Usage, usageOf } from './machine.ts'
import { makePlace, type Place } from './place.ts'

/** A fresh control plane without nodes, with the CRDs. */
export interface Stage {
  server: string
  ca: string
  caFile: string
  auditLog: string
  /** An administrator's client for observation, never for measured work. */
  admin: KubeClient
  /** An administrator's connection. */
  connection: Connection
  /** The folder with the files of its parts. */
  directory: string
  usage: (part: 'etcd' | 'kube-apiserver') => Promise<Usage>
  /** CPU seconds of etcd and the API server so far. */
  serverCpuSeconds(): Promise<number>
  /** The controllers of Kubernetes, which do not run before they are started. */
  controllerManager: {
    start: (...flags: string[]) => Promise<void>
    stop: () => Promise<void>
    usage: () => Promise<Usage>
  }
  /** A new namespace, independent of the others. */
  place(namespace: string): Promise<Place>
}

const forever = new AbortController().signal

/** Runs a function with a new control plane. */
export async function onStage<R>(act: (stage: Stage) => Promise<R>): Promise<R> {
  const plane = await startControlPlane({ audit: true, onDisk: true })
  try {
    const directory = dirname(plane.kubeconfig)
    const caFile = join(directory, 'ca.crt')
    const ca = await readFile(caFile, 'utf8')
    const admin = plane.client('runnerhub-bench')
    await Promise.all([serve(admin, runnerJobs), serve(admin, runners), serve(admin, runnerPools)])
    return await act({
      server: plane.connection.server.origin,
      ca,
      caFile,
      auditLog: join(directory, 'audit.log'),
      admin,
      connection: plane.connection,
      directory,
      usage: (part) => usageOfPart(directory, part),
      serverCpuSeconds: () => cpuSecondsOf(directory, ['etcd', 'kube-apiserver']),
      controllerManager: {
        start: (...flags) => plane.startControllerManager(...flags),
        stop: () => plane.stopControllerManager(),
        usage: () => usageOfPart(directory, 'kube-controller-manager'),
      },
      place: (namespace) => makePlace(admin, { namespace, ca, directory }),
    })
  } finally {
    await plane.stop()
  }
}

async function cpuSecondsOf(directory: string, parts: readonly string[]): Promise<number> {
  const usages = await Promise.all(parts.map((part) => usageOfPart(directory, part)))
  return usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
}

async function usageOfPart(directory: string, part: string): Promise<Usage> {
  const [pid] = (await readFile(join(directory, 'parts', `${part}.pid`), 'utf8')).split(' ')
  return usageOf(Number(pid))
}

async function serve<T extends KubeObject>(admin: KubeClient, resource: Resource<T>): Promise<void> {
  for (const object of await manifests(`crds/${resource.plural}.yaml`)) await createManifest(admin, object)
  const list = () => admin.listPage(resource, 'default', { limit: 1 }, forever)
  await eventually(list, { what: `${resource.plural} are served` })
}
