import { CONTROLS } from '../../api/fields.ts'
import type { Schema } from '../../api/schema.ts'

// Tools of other languages read these patterns in the OpenAPI document. They are plain ranges of characters, which
// ECMAScript accepts with and without the u flag, and so does Python. The schemas of the resources do not use them: RE2
// has no \u escape, and unescaped, some of these characters end a line of YAML.

/** Invisible characters: Unicode spaces, and characters without width or ink. */
const BLANKS =
  '\\x20\\xa0\\xad\\u115f\\u1160\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufeff\\uffa0'

/** Empty text, or blanks only. */
export const BLANK_TEXT = `^[${BLANKS}]*$`

/** Text with a visible character and no control characters. Its first two parts share no character, so matching is linear. */
const NON_BLANK_TEXT = `^[${BLANKS}]*[^${CONTROLS}${BLANKS}][^${CONTROLS}]*$`

const blankText = new RegExp(BLANK_TEXT, 'u')
const outerBlanks = new RegExp(`^[${BLANKS}]+|[${BLANKS}]+$`, 'gu')

/** Whether a text is empty or has blanks only. */
export function isBlank(text: string): boolean {
  return blankText.test(text)
}

/** A text without leading and trailing blanks. */
export function withoutOuterBlanks(text: string): string {
  return text.replaceAll(outerBlanks, '')
}

/** The schema of a text that must not be empty or blank. */
export function nonBlank(schema: Schema): Schema {
  return { ...schema, minLength: 1, pattern: NON_BLANK_TEXT }
}

/** The pattern of a text that must match this one unless it is empty or blank. */
export function orBlank(pattern: string): string {
  return `^([${BLANKS}]*|${pattern.replace(/^\^/, '').replace(/\$$/, '')})$`
}
