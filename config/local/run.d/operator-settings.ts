import { describeSettings } from '../../../src/config.ts'

/** Settings of the manifests: in a ConfigMap these would have no effect, or keep the operator from starting. */
const decidedElsewhere: Readonly<Record<string, string>> = {
  POD_NAMESPACE: 'RUN_NAMESPACE chooses the namespace',
  POD_NAME: 'the manifests set it',
  TOKEN_FILE: 'the manifests set it',
  HTTP_PORT: 'the manifests set it; RUN_HTTP_PORT chooses the port on this machine',
  REALTIME_PORT: 'the manifests set it; RUN_REALTIME_PORT chooses the port on this machine',
  PAGE: 'the chart sets it; its value page.enabled decides',
  ROLES: 'one process has all roles here',
  KUBECONFIG: 'the operator needs none in the cluster; RUNNERHUB_KUBECONFIG chooses the cluster',
  KUBE_CONTEXT: 'the operator needs none in the cluster; RUNNERHUB_CONTEXT chooses the cluster',
  KUBERNETES_SERVICE_HOST: 'the cluster sets it',
  KUBERNETES_SERVICE_PORT: 'the cluster sets it',
  TASK: 'the manifests and the chart set it where it is needed',
  TASK_SECONDS: 'it belongs to TASK',
  TASK_DEPLOYMENT: 'it belongs to TASK',
  TASK_URL: 'it belongs to TASK',
  TASK_LABELS: 'it belongs to TASK',
  SERVICE_ACCOUNT_DIRECTORY: 'the cluster sets it',
}

/** The operator's settings that `make run` accepts. */
export function passableSettings(): ReturnType<typeof describeSettings> {
  return describeSettings().filter(({ env }) => decidedElsewhere[env] === undefined)
}

/** Why a setting cannot be passed on; undefined if it can. */
export function whyNotPassable(name: string): string | undefined {
  return decidedElsewhere[name]
}
