import { writeFile } from 'node:fs/promises'

/** An API server, or a proxy before it, that identifies callers without a token as administrators. */
interface Server {
  url: URL
  ca: string
}

/** Writes a kubeconfig; with a token it is for the owner of that token. */
export async function writeKubeconfig(file: string, { url, ca }: Server, token?: string): Promise<string> {
  const cluster = { server: url.origin, 'certificate-authority-data': Buffer.from(ca).toString('base64') }
  const context = { cluster: 'here', user: 'user', namespace: 'default' }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'here', cluster }],
    contexts: [{ name: 'here', context }],
    users: [{ name: 'user', user: token === undefined ? {} : { token } }],
  }
  await writeFile(file, JSON.stringify(config))
  return file
}
