import type { KubeObject, Resource } from '../../api/object.ts'

/** The fields that doctor reads of kinds that are not ours. */
export interface Deployment extends KubeObject {
  spec: {
    replicas?: number
    template: { spec: { serviceAccountName?: string; containers: { image?: string }[]; volumes?: SecretVolume[] } }
  }
  status?: { readyReplicas?: number }
}

interface SecretVolume {
  name: string
  secret?: { secretName?: string }
}

export const deployments: Resource<Deployment> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
}

export interface Service extends KubeObject {
  spec: { ports?: { name?: string; port: number }[] }
}

export const services: Resource<Service> = { group: '', version: 'v1', plural: 'services', kind: 'Service' }

export interface Secret extends KubeObject {
  data?: Record<string, string>
}

export const secrets: Resource<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' }

export const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }

export interface EndpointSlice extends KubeObject {
  endpoints?: { conditions?: { ready?: boolean } }[] | null
}

export const endpointSlices: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
}

interface SchemaNode {
  properties?: Record<string, SchemaNode>
}

export interface Definition extends KubeObject {
  spec: { versions: { name: string; served: boolean; schema?: { openAPIV3Schema?: SchemaNode } }[] }
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

export const definitions: Resource<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

export interface WebhookConfiguration extends KubeObject {
  webhooks?: {
    name: string
    failurePolicy?: string
    clientConfig: { service?: { namespace: string; name: string } }
    rules?: { apiGroups?: string[]; resources?: string[]; operations?: string[] }[]
    namespaceSelector?: LabelSelector
  }[]
}

const admission = { group: 'admissionregistration.k8s.io', version: 'v1' }

export const webhookConfigurations: readonly Resource<WebhookConfiguration>[] = [
  { ...admission, plural: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration' },
  { ...admission, plural: 'mutatingwebhookconfigurations', kind: 'MutatingWebhookConfiguration' },
]

export interface ServiceMonitor extends KubeObject {
  spec: { endpoints?: { authorization?: { credentials?: { name?: string; key?: string } } }[] }
}

export const serviceMonitors: Resource<ServiceMonitor> = {
  group: 'monitoring.coreos.com',
  version: 'v1',
  plural: 'servicemonitors',
  kind: 'ServiceMonitor',
}

/** Marks what belongs to an installation of the operator. */
export const OURS = 'app.kubernetes.io/name=runnerhub'
