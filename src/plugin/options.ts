import { InvalidArgumentError } from '@commander-js/extra-typings'
import { parseSpan } from './text/span.ts'

/** A duration in milliseconds. */
export function span(text: string): number {
  const ms = parseSpan(text)
  if (ms === undefined || ms === 0)
    throw new InvalidArgumentError('A duration is a number with s, m, h or d, such as 90s or 1h30m.')
  return ms
}

/** A whole number that is not negative. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/** A whole number, which may be negative. */
export function integer(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/** Words between commas. The flag may be repeated. */
export function words(text: string, before: string[] | undefined): string[] {
  const found = text.split(',').map((word) => word.trim())
  return [...(before ?? []), ...found.filter((word) => word !== '')]
}
