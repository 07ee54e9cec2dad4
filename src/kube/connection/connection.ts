/** The TLS options of the connection, in the form of node:tls. */
export interface TlsIdentity {
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  pfx?: string | Buffer
  passphrase?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/** The credentials of one request: its authentication headers and its TLS identity. */
export interface Credentials {
  headers: Readonly<Record<string, string>>
  tls: TlsIdentity
}

/** Address of the API server, and access to it. */
export interface Connection {
  server: URL
  /** The namespace of the configuration, if it sets one. */
  namespace?: string
  /** The HTTP or SOCKS proxy to use. */
  proxy?: string
  /** Reloads the credentials every minute, and at once when the server rejected those of the last call. */
  credentials(refused?: Credentials): Promise<Credentials>
}
