import { isJson, elementsOf } from '../../src/api/json.ts'

/** An advisory that does not fail the check until a day. */
export interface Allowed {
  /** As in the advisory's address, for example GHSA-xxxx-xxxx-xxxx. */
  readonly advisory: string
  readonly package: string
  /** Why the product is not affected, or what is waited for. */
  readonly reason: string
  /** The last day on which the advisory is allowed: YYYY-MM-DD. */
  readonly until: string
}

/** The outcome of an audit: not possible, or what has to be mended. */
export type Outcome =
  | { readonly kind: 'unanswered'; readonly reason: string }
  | { readonly kind: 'answered'; readonly problems: readonly string[] }

interface Advisory {
  readonly id: string
  readonly package: string
  readonly severity: string
  readonly title: string
}

/**
 * The problems in a report of `npm audit --json` (version 2): each advisory that no entry allows, and each entry that is
 * over or that no advisory needs.
 *
 * @param report the report, or npm's error in JSON where the registry did not respond to the question
 * @param today YYYY-MM-DD
 */
export function findings(report: unknown, allowed: readonly Allowed[], today: string): Outcome {
  if (!isJson(report) || !isJson(report['vulnerabilities'])) {
    const message = isJson(report) ? report['message'] : undefined
    return { kind: 'unanswered', reason: typeof message === 'string' ? message : 'npm printed no report' }
  }
  const advisories = advisoriesOf(report['vulnerabilities'])
  const current = allowed.filter(({ until }) => until >= today)
  const open = advisories.filter((advisory) => !current.some((entry) => allows(entry, advisory)))
  const needless = allowed.filter((entry) => !advisories.some((advisory) => allows(entry, advisory)))
  return {
    kind: 'answered',
    problems: [
      ...open.map(({ id, package: name, severity, title }) => `${name}: ${severity}: ${title} (${id})`),
      ...needless.map(({ advisory, package: name }) => `${name}: no advisory ${advisory} any more: remove the entry`),
    ],
  }
}

function allows(entry: Allowed, advisory: Advisory): boolean {
  return entry.advisory === advisory.id && entry.package === advisory.package
}

/** Each advisory once. A package that is affected only through another has the other's name in place of an advisory. */
function advisoriesOf(vulnerabilities: Record<string, unknown>): Advisory[] {
  const all = Object.values(vulnerabilities).flatMap((each) => elementsOf(isJson(each) ? each['via'] : undefined))
  const found = all.filter(isJson).map((via) => ({
    id: String(via['url'] ?? via['source']).replace(/^.*\//, ''),
    package: String(via['name']),
    severity: String(via['severity']),
    title: String(via['title']),
  }))
  return [...new Map(found.map((each) => [`${each.package} ${each.id}`, each])).values()]
}
