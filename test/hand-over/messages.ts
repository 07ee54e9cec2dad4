import { randomBytes } from 'node:crypto'

/** The contents of a job's message. */
export interface MessageFacts {
  jobId: string
  repository?: string
  /** The orders to the stand-in Worker. */
  standIn?: object
  /** Length of the message in characters, at least. */
  atLeast?: number
}

type Context = string | number | boolean | { t: number; [field: string]: unknown }

const map = (fields: Record<string, Context>): Context => {
  const d = Object.entries(fields).map(([k, v]) => ({ k, v }))
  return d.length === 0 ? { t: 2 } : { t: 2, d }
}

const github = (repository: string): Record<string, Context> => ({
  token: 'ghs_secretTokenOfTheJob',
  job: 'build',
  ref: 'refs/heads/main',
  sha: '0123456789abcdef0123456789abcdef01234567',
  repository,
  repository_owner: repository.split('/')[0] ?? '',
  run_id: '9876543210',
  run_number: '20',
  run_attempt: '2',
  actor: 'octocat',
  workflow: 'CI',
  event_name: 'push',
  server_url: 'https://github.com',
  api_url: 'https://api.github.com',
  event: map({
    created: false,
    commits: { t: 1 },
    size: 20,
    repository: map({ id: 1, private: true, topics: { t: 1 } }),
  }),
})

/** A message of a job as the Listener writes it: camel case, texts as they are, types only where they are needed. */
export function messageText({ jobId, repository = 'owner/repo', standIn = {}, atLeast = 0 }: MessageFacts): string {
  const fields = {
    messageType: 'PipelineAgentJobRequest',
    plan: { scopeIdentifier: '00000000-0000-0000-0000-000000000000', planType: 'actions', version: 9, planId: jobId },
    timeline: { id: '3f1c7a52-0000-4000-8000-000000000001', changeId: 1 },
    jobId,
    jobDisplayName: 'build',
    requestId: 42,
    mask: [{ type: 'regex', value: 'multi-line\nsecret' }],
    variables: { 'system.github.token': { value: 'ghs_secretTokenOfTheJob', isSecret: true } },
    resources: {
      endpoints: [{ name: 'SystemVssConnection', authorization: { parameters: { AccessToken: 'secret' } } }],
    },
    contextData: { github: map(github(repository)), matrix: map({}), needs: { t: 2 } },
    steps: [{ type: 'action', reference: { type: 'script' }, displayName: 'Build it – größer 🚀' }],
    standIn,
    padding: '',
  }
  const missing = atLeast - JSON.stringify(fields).length
  return JSON.stringify({ ...fields, padding: padding(missing) })
}

/** A text of this many characters. Like the source code in a pull request it packs, to about a seventh. */
function padding(length: number): string {
  const pieces = Math.ceil(Math.max(0, length) / 8000)
  return Array.from({ length: pieces }, () => randomBytes(1000).toString('hex').repeat(4))
    .join('')
    .slice(0, length)
}

/** The same message as other senders write it: capital letters, and a type at every value. */
export function typedMessage({ jobId, repository = 'owner/repo' }: MessageFacts): string {
  const typed = (value: Context): unknown => {
    if (typeof value === 'string') return { t: 0, s: value }
    if (typeof value === 'boolean') return { t: 3, b: value }
    return typeof value === 'number' ? { t: 4, n: value } : value
  }
  const d = Object.entries(github(repository)).map(([k, v]) => ({ k, v: typed(v) }))
  return JSON.stringify({ JobId: jobId, RequestId: 42, ContextData: { github: { t: 2, d } } })
}
