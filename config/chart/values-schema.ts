import { passableSettings } from '../local/run.d/operator-settings.ts'
import type { DocumentedValue } from './documented-values.ts'

type JsonSchema = Record<string, unknown>

const text: JsonSchema = { type: 'string' }
const yesOrNo: JsonSchema = { type: 'boolean' }
const texts: JsonSchema = { type: 'object', additionalProperties: text }
const free: JsonSchema = { type: 'object' }
const port: JsonSchema = whole(1, 65_535)
const name: JsonSchema = { type: 'string', pattern: '^$|^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$' }
const hostName: JsonSchema = {
  type: 'string',
  pattern: '^$|^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
}
const cidr: JsonSchema = { type: 'string', pattern: '^[0-9a-fA-F:.]+/[0-9]{1,3}$' }
const secretKey: JsonSchema = { type: 'string', pattern: '^[\\w.-]+$' }
const quantities: JsonSchema = { type: 'object', additionalProperties: { type: ['string', 'number'] } }
const resources: JsonSchema = closed({ requests: quantities, limits: quantities, claims: listOf(free) })

/** An object with only the listed properties: a typing error is an error. */
function closed(properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema {
  return { type: 'object', additionalProperties: false, properties, ...(required.length > 0 && { required }) }
}

function listOf(items: JsonSchema, more: JsonSchema = {}): JsonSchema {
  return { type: 'array', items, ...more }
}

function oneOf(...words: string[]): JsonSchema {
  return { type: 'string', enum: words }
}

function whole(minimum: number, maximum: number): JsonSchema {
  return { type: 'integer', minimum, maximum }
}

function settings(): JsonSchema {
  return closed(
    Object.fromEntries(
      passableSettings().map((setting) => [setting.name, { ...setting.schema, description: setting.help }]),
    ),
  )
}

const user = closed(
  {
    name: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?$' },
    token: { type: 'string', pattern: '^$|^[\\w.~+/=-]{16,}$' },
    groups: listOf({ type: 'string', pattern: '^[\\w:./@-]+$' }),
  },
  ['name'],
)

const values: Record<string, () => JsonSchema> = {
  replicaCount: () => whole(1, 100),
  image: () =>
    closed({
      repository: { type: 'string', minLength: 1, pattern: '^[^@\\s]+$' },
      tag: { type: 'string', pattern: '^$|^\\w[\\w.-]{0,127}$' },
      digest: { type: 'string', pattern: '^$|^sha256:[0-9a-f]{64}$' },
      pullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
    }),
  imagePullSecrets: () => listOf(closed({ name: text }, ['name'])),
  fullnameOverride: () => name,
  settings,
  page: () => closed({ enabled: yesOrNo }),
  logs: () =>
    closed({
      archive: closed({
        type: oneOf('', 'cluster', 's3', 'volume', 'none'),
        ttlSeconds: whole(0, 315_360_000),
        s3: closed({
          bucket: text,
          prefix: text,
          region: text,
          endpoint: { type: 'string', pattern: '^$|^https?://' },
          pathStyle: yesOrNo,
          encryption: oneOf('', 'AES256', 'aws:kms'),
          kmsKey: text,
          credentialsSecret: text,
          caConfigMap: text,
        }),
        volume: closed({ claim: text }),
      }),
    }),
  auth: () => closed({ generate: yesOrNo, existingSecret: text, users: listOf(user, { minItems: 1 }) }),
  serviceAccount: () => closed({ create: yesOrNo, name: text, annotations: texts }),
  rbac: () => closed({ create: yesOrNo }),
  resources: () => resources,
  drainSeconds: () => whole(1, 300),
  podLabels: () => texts,
  podAnnotations: () => texts,
  nodeSelector: () => texts,
  tolerations: () => listOf(free),
  affinity: () => free,
  topologySpreadConstraints: () => listOf(free),
  priorityClassName: () => text,
  podDisruptionBudget: () => closed({ enabled: yesOrNo }),
  service: () =>
    closed({
      type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer'),
      externalTrafficPolicy: oneOf('Local', 'Cluster'),
      loadBalancerClass: text,
      httpPort: port,
      realtimePort: port,
      annotations: texts,
    }),
  ingress: () => {
    const part = closed({ host: hostName, tlsSecret: text, annotations: texts })
    return closed({ enabled: yesOrNo, className: text, annotations: texts, rest: part, realtime: part })
  },
  gateway: () => {
    const part = closed({ hostnames: listOf(hostName), sessionPersistence: free })
    const route = closed({ enabled: yesOrNo, parentRefs: listOf(free), annotations: texts, rest: part, realtime: part })
    // A route without a Gateway is valid, and has no effect.
    const isOff = { properties: { enabled: { const: false } } }
    const isAttached = { properties: { parentRefs: { minItems: 1 } } }
    return { ...route, anyOf: [isOff, isAttached] }
  },
  networkPolicy: () =>
    closed({
      operator: closed({
        enabled: yesOrNo,
        from: listOf(free),
        apiServerPorts: listOf(port, { minItems: 1 }),
        apiServerAddresses: listOf(cidr),
      }),
      runners: closed({ enabled: yesOrNo, except: listOf(cidr), egress: listOf(free) }),
    }),
  defaultPool: () =>
    closed({
      enabled: yesOrNo,
      name: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
      labels: listOf({ type: 'string', minLength: 1 }, { minItems: 1 }),
      repositories: listOf({ type: 'string', pattern: '^[\\w.*-]+/[\\w.*-]+$' }),
      maxRunners: whole(0, 100_000),
      finishedPodTTLSeconds: { type: ['integer', 'null'], minimum: 0 },
      image: text,
      resources,
      template: free,
    }),
  crds: () => closed({ upgrade: yesOrNo }),
  uninstall: () => closed({ cleanUp: yesOrNo }),
  monitoring: () =>
    closed({
      serviceMonitor: closed({
        enabled: yesOrNo,
        interval: { type: 'string', pattern: '^([0-9]+(ms|[smhd]))+$' },
        labels: texts,
        tokenKey: secretKey,
      }),
      prometheusRule: closed({ enabled: yesOrNo, labels: texts, runbooks: text }),
      dashboard: closed({ enabled: yesOrNo, labels: texts, annotations: texts }),
    }),
  test: () => closed({ tokenKey: secretKey }),
  hooks: () => closed({ deadlineSeconds: whole(10, 3600), resources }),
}

/** The JSON schema of the chart's values, with the texts of values.yaml. */
export function valuesSchema(documented: DocumentedValue[]): JsonSchema {
  const properties = Object.fromEntries(Object.entries(values).map(([key, schema]) => [key, schema()]))
  // For the chart as a dependency: the condition of its parent, and the parent's global values.
  const ofParent = {
    enabled: { ...yesOrNo, description: 'For the condition of a parent chart; this chart does not use it.' },
    global: { ...free, description: 'Global values of a parent chart; this chart does not use them.' },
  }
  const root = closed({ ...properties, ...ofParent })
  const described = new Map(documented.map(({ path, text: description }) => [path, description]))
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...withTexts(root, '', described) }
}

function withTexts(schema: JsonSchema, path: string, described: ReadonlyMap<string, string>): JsonSchema {
  const description = described.get(path)
  const { properties } = schema
  return {
    ...schema,
    ...(description !== undefined && { description }),
    ...(isSchemas(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, child]) => {
          return [key, withTexts(child, path === '' ? key : `${path}.${key}`, described)]
        }),
      ),
    }),
  }
}

function isSchemas(value: unknown): value is Record<string, JsonSchema> {
  return typeof value === 'object' && value !== null
}
