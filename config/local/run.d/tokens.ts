/** The callers of the operator of `make run`. Their tokens are public: use them only for a cluster on your own machine. */
export const localUsers = [
  { name: 'local', token: 'your-token', groups: ['runnerhub:admins'] },
  { name: 'local-viewer', token: 'viewer-token', groups: ['runnerhub:viewers', 'runnerhub:metrics'] },
] as const

/** The same as a token file. */
export const localTokens = localUsers
  .map(({ name, token, groups }) => `${token},${name},${name},"${groups.join(',')}"\n`)
  .join('')
