import { styleText } from 'node:util'
import type { Host, Output } from '../host.ts'

type Style = Parameters<typeof styleText>[0]

/** Whether an output shows colours: https://no-color.org, and a terminal that can. */
export function hasColours(output: Output, { env }: Pick<Host, 'env'>): boolean {
  const refusal = env['NO_COLOR'] ?? ''
  return output.isTerminal && refusal === '' && env['TERM'] !== 'dumb'
}

/** Paints a text where colours are shown. */
export function paint(text: string, style: Style, isPainted: boolean): string {
  return isPainted ? styleText(style, text, { validateStream: false }) : text
}
