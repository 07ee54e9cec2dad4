import { allOf } from '../pages.ts'
import type { Session } from '../session.ts'
import {
  endpointSlices,
  type LabelSelector,
  namespaces,
  webhookConfigurations,
  type WebhookConfiguration,
} from './cluster-kinds.ts'
import { type Check, failed, type Finding, ok } from './finding.ts'

type Webhook = NonNullable<WebhookConfiguration['webhooks']>[number]

/** Whether every webhook that must admit our pods and resources can be reached: one that cannot rejects them all. */
export const webhooksAnswer: Check = {
  name: 'webhooks',
  look: async (session) => {
    const labels = await labelsOfNamespace(session)
    const findings: Omit<Finding, 'check'>[] = []
    for (const resource of webhookConfigurations) {
      for (const configuration of await allOf(session, resource, { namespace: undefined })) {
        const concerned = (configuration.webhooks ?? []).filter((webhook) => concerns(webhook, labels))
        const missing = await Promise.all(concerned.map((webhook) => unreachable(session, webhook)))
        const name = `${resource.kind.toLowerCase()}/${configuration.metadata.name}`
        findings.push(...missing.flat().map((text) => failed(`${name}: ${text}`, `kubectl describe ${name}`)))
      }
    }
    return findings.length > 0 ? findings : [ok('every webhook that admits pods or jobs here has an endpoint')]
  },
}

async function labelsOfNamespace({ client, namespace, host }: Session): Promise<Record<string, string>> {
  const found = await client.find(namespaces, { namespace: '', name: namespace }, host.signal)
  return found?.metadata.labels ?? {}
}

/** Whether it has to admit objects of ours, and rejects them when it does not answer. */
export function concerns(
  { failurePolicy, rules = [], namespaceSelector }: Webhook,
  labels: Record<string, string>,
): boolean {
  const isOurs = rules.some(({ apiGroups = [], resources = [], operations = [] }) => {
    const isPod = hasAny(apiGroups, ['', '*']) && hasAny(resources, ['pods', '*', '*/*', 'pods/*'])
    const isJob = hasAny(apiGroups, ['runnerhub.dev', '*'])
    return (isPod || isJob) && hasAny(operations, ['*', 'CREATE', 'UPDATE'])
  })
  return failurePolicy !== 'Ignore' && isOurs && selects(namespaceSelector, labels)
}

function hasAny(list: readonly string[], wanted: readonly string[]): boolean {
  return list.some((each) => wanted.includes(each))
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector = {},
  labels: Record<string, string>,
): boolean {
  const equal = Object.entries(matchLabels).every(([key, value]) => labels[key] === value)
  return equal && matchExpressions.every((each) => holds(each, labels[each.key]))
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number]

function holds({ operator, values = [] }: Expression, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return true
  }
}

/** What keeps a webhook from being reached, if anything does. One outside of the cluster is not looked at. */
async function unreachable(session: Session, { name, clientConfig: { service } }: Webhook): Promise<string[]> {
  if (service === undefined) return []
  const labelSelector = `kubernetes.io/service-name=${service.name}`
  const slices = await allOf(session, endpointSlices, { namespace: service.namespace, labelSelector })
  const isReady = slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions?.ready !== false))
  return isReady ? [] : [`webhook ${name} has no endpoint: Service ${service.namespace}/${service.name}`]
}
