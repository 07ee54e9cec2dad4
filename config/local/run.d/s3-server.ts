import { join } from 'node:path'
import { clusterTool, root } from './cluster.ts'
import { applyObject } from './deploy.ts'
import { askKubectl, type Place } from './kubectl.ts'
import { outputOf } from './program.ts'

const name = 'runnerhub-s3'
const port = 7070
const account = { AWS_ACCESS_KEY_ID: 'runnerhub', AWS_SECRET_ACCESS_KEY: 'only-for-a-local-cluster' }

/** Where the server keeps the objects of its one bucket. */
export const bucketFolder = '/s3/data/logs'

/** The server, for `kubectl exec`. */
export const serverPod = `deployment/${name}`

/** The chart's `logs.archive` for the server of `startS3Server`. */
export const s3Archive = {
  type: 's3',
  s3: { bucket: 'logs', endpoint: `http://${name}:${port}`, pathStyle: true, credentialsSecret: name },
} as const

/** Starts an S3 server in a namespace of the cluster, unless it runs there already. Its objects go with its pod. */
export async function startS3Server(place: Place, baseImage: string, signal: AbortSignal): Promise<void> {
  const printed = await outputOf([join(root, 'config/local/s3-image'), baseImage], signal)
  const [image = '', archive = ''] = printed.split('\n')
  await outputOf([clusterTool, 'load-image', archive], signal)
  for (const object of [secret, deploymentOf(image), service]) await applyObject(place, object, signal)
  await askKubectl(place, ['rollout', 'status', serverPod, '--timeout=60s'], signal)
}

const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: account }

const labels = { 'app.kubernetes.io/name': name }

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: labels, ports: [{ port }] },
}

function deploymentOf(image: string): object {
  const env = [
    ['ROOT_ACCESS_KEY_ID', 'AWS_ACCESS_KEY_ID'],
    ['ROOT_SECRET_ACCESS_KEY', 'AWS_SECRET_ACCESS_KEY'],
  ].map(([variable, key]) => ({ name: variable, valueFrom: { secretKeyRef: { name, key } } }))
  const container = {
    name: 's3',
    image,
    imagePullPolicy: 'IfNotPresent',
    env,
    ports: [{ containerPort: port }],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'objects', mountPath: '/s3' }],
  }
  const pod = {
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65_534,
      fsGroup: 65_534,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container],
    volumes: [{ name: 'objects', emptyDir: {} }],
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
  }
}
