/** The token of an Authorization header. */
export function bearerOf(header: string): string | undefined {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1]
}
