/**
 * Whether a page of this origin may connect without a token: any page that somebody opens could try. A list names
 * them, or all with '*'; without one these are pages of the host that was connected to, and of the machine that the
 * browser runs on; what sends no Origin is no browser.
 */
export function isTrustedOrigin(origin: string | undefined, host = '', allowed?: readonly string[]): boolean {
  if (origin === undefined) return true
  if (allowed !== undefined) return allowed.includes(origin) || allowed.includes('*')
  const from = hostOf(origin)
  return from !== undefined && (isLocal(from) || from === hostOf(`http://${host}`))
}

function hostOf(url: string): string | undefined {
  return /^https?:/i.test(url) && URL.canParse(url) ? new URL(url).hostname : undefined
}

function isLocal(host: string): boolean {
  return host === '127.0.0.1' || host === '[::1]' || /^(.+\.)?localhost$/.test(host)
}
