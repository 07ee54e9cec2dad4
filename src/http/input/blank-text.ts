import { CONTROLS } from '../../api/fields.ts'
import type { Schema } from '../../api/schema.ts'

// Patterns that tools of other languages read in the OpenAPI document: plain ranges of characters, which ECMAScript
// takes with the u flag and without it, and Python as well. The schemas of the resources do without them: RE2 knows no
// \u, and as they are, some of these characters end a line of YAML.

/** What shows nothing: Unicode's spaces, and characters that have no width or no ink. */
const BLANKS =
  '\\x20\\xa0\\xad\\u115f\\u1160\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufeff\\uffa0'

/** Blanks alone, or nothing at all. */
export const BLANK_TEXT = `^[${BLANKS}]*$`

/** Text without control characters that shows something. Its first two parts share no character: a match takes linear time. */
const NON_BLANK_TEXT = `^[${BLANKS}]*[^${CONTROLS}${BLANKS}][^${CONTROLS}]*$`

const blankText = new RegExp(BLANK_TEXT, 'u')
const outerBlanks = new RegExp(`^[${BLANKS}]+|[${BLANKS}]+$`, 'gu')

/** Whether a text shows nothing. */
export function isBlank(given: string): boolean {
  return blankText.test(given)
}

/** A text without the blanks before and behind it. */
export function withoutOuterBlanks(given: string): string {
  return given.replaceAll(outerBlanks, '')
}

/** The schema of a text of which blanks alone are refused. */
export function nonBlank(schema: Schema): Schema {
  return { ...schema, minLength: 1, pattern: NON_BLANK_TEXT }
}

/** The pattern of a text that has to look like this unless it is empty or blank. */
export function orBlank(pattern: string): string {
  return `^([${BLANKS}]*|${pattern.replace(/^\^/, '').replace(/\$$/, '')})$`
}
