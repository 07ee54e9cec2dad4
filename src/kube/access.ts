/** What TLS needs to know of the server and of us, as node:tls takes it. */
export interface TlsIdentity {
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  pfx?: string | Buffer
  passphrase?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/** Who we are, for one request: the headers that authenticate it, and the TLS identity it is sent with. */
export interface Access {
  headers: Readonly<Record<string, string>>
  tls: TlsIdentity
}

/** Where the API server is and how to speak to it. */
export interface Connection {
  server: URL
  /** The namespace that the configuration names, if it names one. */
  namespace?: string
  /** An HTTP or SOCKS proxy to go through. */
  proxy?: string
  /** Read again every minute, and at once when the server refused what the last call returned. */
  access(refused?: Access): Promise<Access>
}

/** There is no configuration to reach a cluster by, or none that can be read. Its message is for people. */
export class NoKubeconfig extends Error {
  override name = 'NoKubeconfig'
}
