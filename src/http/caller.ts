/** Who is calling, in the API server's terms. */
export interface Caller {
  user: string
  uid: string
  groups: readonly string[]
  /** What else the API server told about the holder of a token; access reviews hand it back. */
  extra?: Readonly<Record<string, readonly string[]>>
}
