import { NotFound } from '../../kube/client/errors.ts'
import { allOf } from '../pages.ts'
import type { Session } from '../session.ts'
import { OURS, secrets, serviceMonitors } from './cluster-kinds.ts'
import { type Check, failed, type Finding, ok, warning } from './finding.ts'
import { operatorsOf } from './operator-checks.ts'

const KEY = 'tokens.csv'
const upgrade = 'helm upgrade runnerhub charts/runnerhub --reset-then-reuse-values'

/** Whether callers of the REST API have tokens. No token is ever printed. */
export const tokensExist: Check = {
  name: 'tokens',
  look: async (session) => {
    const names = (await operatorsOf(session)).flatMap(({ spec }) =>
      (spec.template.spec.volumes ?? []).flatMap(({ name, secret }) =>
        name === 'tokens' ? (secret?.secretName ?? []) : [],
      ),
    )
    if (names.length === 0) return [ok('the operator takes Kubernetes tokens only')]
    return await Promise.all(names.map((name) => tokensIn(session, name)))
  },
}

async function tokensIn({ client, namespace, host }: Session, name: string): Promise<Omit<Finding, 'check'>> {
  const mend = `${upgrade} -n ${namespace}`
  const secret = await client.find(secrets, { namespace, name }, host.signal)
  if (secret === undefined) return failed(`Secret ${name} with the tokens is missing`, mend)
  const text = Buffer.from(secret.data?.[KEY] ?? '', 'base64').toString('utf8')
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const bad = lines.filter((line) => !/^[^,\s"]+,[^,]+,[^,]+(,.*)?$/.test(line)).length
  if (lines.length === 0) return failed(`Secret ${name} has no token in ${KEY}`, mend)
  if (bad > 0)
    return failed(`${bad} of ${lines.length} lines of ${KEY} in Secret ${name} are not token,user,uid,"groups"`, mend)
  return ok(`Secret ${name} has ${lines.length} ${lines.length === 1 ? 'token' : 'tokens'}`)
}

/** Whether Prometheus is asked to read the metrics, with a token that exists. */
export const metricsAreScraped: Check = {
  name: 'metrics',
  look: async (session) => {
    const { namespace } = session
    const mend = `${upgrade} --set monitoring.serviceMonitor.enabled=true -n ${namespace}`
    const monitors = await allOf(session, serviceMonitors, { namespace, labelSelector: OURS }).catch(
      (error: unknown) => {
        if (error instanceof NotFound) return undefined
        throw error
      },
    )
    if (monitors === undefined) {
      return [
        warning(
          'nothing scrapes the metrics: the cluster has no Prometheus Operator',
          'see docs/metrics.md for a scrape job',
        ),
      ]
    }
    if (monitors.length === 0) return [warning('no ServiceMonitor scrapes the metrics', mend)]
    const credentials = monitors.flatMap(({ spec }) =>
      (spec.endpoints ?? []).map(({ authorization }) => authorization?.credentials),
    )
    return await Promise.all(credentials.map((each) => credentialsOf(session, each, mend)))
  },
}

async function credentialsOf(
  { client, namespace, host }: Session,
  credentials: { name?: string; key?: string } | undefined,
  mend: string,
): Promise<Omit<Finding, 'check'>> {
  const { name, key } = credentials ?? {}
  if (name === undefined || key === undefined) return failed('the ServiceMonitor has no token, so it gets 401', mend)
  const secret = await client.find(secrets, { namespace, name }, host.signal)
  if (secret?.data?.[key] !== undefined) return ok('a ServiceMonitor scrapes the metrics')
  return failed(`the token of the ServiceMonitor is missing: key ${key} of Secret ${name}`, mend)
}
