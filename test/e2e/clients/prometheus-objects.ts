import type { Manifest } from '../../charts/chart.ts'
import { publishedManifests } from '../../charts/prometheus-operator.ts'

/** The namespaces of a Prometheus with its operator, and of the targets. */
export interface Watching {
  /** Their own namespace; cluster-wide objects have its name. */
  namespace: string
  /** The watched namespace. */
  watched: string
  image: string
}

/** The label by which the Prometheus of the tests selects its targets. */
export const release = 'e2e'

const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
}
const labels = { app: 'prometheus-operator' }

/** The operator, with the permissions that its project publishes, restricted to the two namespaces. */
export async function operatorObjects({ namespace, watched, image }: Watching): Promise<Manifest[]> {
  const rights = await publishedManifests('rbac/prometheus-operator/prometheus-operator-cluster-role.yaml')
  const container = {
    name: 'operator',
    image,
    command: ['/bin/prometheus-operator'],
    args: [`--namespaces=${namespace},${watched}`, `--prometheus-config-reloader=${image}`],
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
    securityContext: restricted,
  }
  const spec = {
    serviceAccountName: 'operator',
    securityContext: { runAsNonRoot: true, runAsUser: 65_534, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
  }
  return [
    account(namespace, 'operator'),
    ...rights.map((role) => named(role, `${namespace}-operator`)),
    binding('ClusterRoleBinding', { name: `${namespace}-operator` }, { namespace, account: 'operator' }),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'operator', namespace },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
  ]
}

/** Lets Prometheus look for targets in the watched namespace, and only inWatched. */
export function rightsToWatch({ namespace, watched }: Watching): Manifest {
  const metadata = { name: `${namespace}-prometheus`, namespace: watched }
  return binding('RoleBinding', metadata, { namespace, account: 'prometheus' })
}

/** A Prometheus that evaluates often. */
export async function prometheusObjects({ namespace, watched, image }: Watching): Promise<Manifest[]> {
  const rights = await publishedManifests('rbac/prometheus/prometheus-cluster-role.yaml')
  const chosen = { matchLabels: { release } }
  const inWatched = { matchLabels: { 'kubernetes.io/metadata.name': watched } }
  return [
    account(namespace, 'prometheus'),
    ...rights.map((role) => named(role, `${namespace}-prometheus`)),
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'Prometheus',
      metadata: { name: 'e2e', namespace },
      spec: {
        image,
        version: '3.5.0',
        serviceAccountName: 'prometheus',
        serviceMonitorSelector: chosen,
        serviceMonitorNamespaceSelector: inWatched,
        ruleSelector: chosen,
        ruleNamespaceSelector: inWatched,
        evaluationInterval: '2s',
        resources: { requests: { cpu: '20m', memory: '128Mi' } },
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65_534,
          fsGroup: 65_534,
          seccompProfile: { type: 'RuntimeDefault' },
        },
      },
    },
  ]
}

function account(namespace: string, name: string): Manifest {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }
}

function named(role: Manifest, name: string): Manifest {
  return { ...role, metadata: { name } }
}

/** Grants a ClusterRole of the same name. */
function binding(
  kind: 'RoleBinding' | 'ClusterRoleBinding',
  metadata: Manifest['metadata'],
  to: { namespace: string; account: string },
): Manifest {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: to.account, namespace: to.namespace }],
  }
}
