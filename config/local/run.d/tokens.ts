/** Who may call the operator of `make run`. Known to everybody: for a cluster on one's own machine. */
export const localUsers = [
  { name: 'local', token: 'your-token', groups: ['runnerhub:admins'] },
  { name: 'local-viewer', token: 'viewer-token', groups: ['runnerhub:viewers', 'runnerhub:metrics'] },
] as const

/** The same as the content of a token file. */
export const localTokens = localUsers
  .map(({ name, token, groups }) => `${token},${name},${name},"${groups.join(',')}"\n`)
  .join('')
