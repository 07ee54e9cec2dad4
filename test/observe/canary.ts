import { randomBytes } from 'node:crypto'

/** A secret that is recognised wherever it comes out. */
export class Canary {
  /** Letters and digits, so that it fits into any shape of a token. */
  readonly text = `C${randomBytes(9).toString('hex')}C`

  /** Lines that jobs print by mistake, each with the secret in the shape of a common token. */
  get lines(): string[] {
    const { text } = this
    const jwt = [`{"alg":"RS256","kid":"${text}"}`, `{"sub":"${text}"}`, text]
    return [
      `GITHUB_TOKEN=ghs_${text}0000000000000000`,
      `remote: https://x-access-token:${text}@github.com/owner/repo.git`,
      `> Authorization: Bearer ${text}`,
      `{"authorization": "token ${text}"}`,
      `aws_secret_access_key = ${text.padEnd(40, '0')}`,
      `npm_${text.padEnd(36, '0')}`,
      `ACTIONS_RUNTIME_TOKEN: ${jwt.map((part) => Buffer.from(part).toString('base64url')).join('.')}`,
      '-----BEGIN PRIVATE KEY-----',
      text,
      '-----END PRIVATE KEY-----',
    ]
  }

  /** Whether a text has the secret, in one of the forms in which it might come out. */
  isIn(text: string): boolean {
    // Base64 depends on what is before: of each of three beginnings, only the middle is the same.
    const encoded = [0, 1, 2].map((before) =>
      Buffer.from(`${'.'.repeat(before)}${this.text}`)
        .toString('base64')
        .slice(4, 24),
    )
    const forms = [this.text, ...encoded, Buffer.from(this.text).toString('hex')]
    return forms.some((form) => text.includes(form))
  }
}
