/** The facts of a job that its links need. */
interface LinkFacts {
  repository: string
  runId: string
  githubJobId: number | null
  serverUrl: string | null
  sha: string | null
  actor: string | null
}

/** Where GitHub shows a job and what belongs to it. */
export interface GithubLinks {
  repository: string
  /** The run, or the job in it; absent if the run ID is none of GitHub. */
  run?: string
  commit?: string
  actor?: string
}

/** Links to GitHub: https only, and every part is escaped. None if the repository or the server is not one of GitHub. */
export function githubLinks(facts: LinkFacts): GithubLinks | undefined {
  const server = serverOf(facts.serverUrl)
  const parts = facts.repository.split('/')
  const isRepository = parts.length === 2 && parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.{1,2}$/.test(part))
  if (server === undefined || !isRepository) return undefined
  const repository = `${server}/${parts.map(encodeURIComponent).join('/')}`
  const isRun = /^\d+$/.test(facts.runId)
  const job = facts.githubJobId === null ? '' : `/job/${facts.githubJobId}`
  return {
    repository,
    ...(isRun && { run: `${repository}/actions/runs/${facts.runId}${job}` }),
    ...(facts.sha !== null && /^[0-9a-f]{6,64}$/i.test(facts.sha) && { commit: `${repository}/commit/${facts.sha}` }),
    ...(facts.actor !== null &&
      /^[\w-]+$/.test(facts.actor) && { actor: `${server}/${encodeURIComponent(facts.actor)}` }),
  }
}

function serverOf(serverUrl: string | null): string | undefined {
  const url = URL.parse(serverUrl ?? 'https://github.com')
  return url?.protocol === 'https:' && url.username === '' ? url.origin : undefined
}
