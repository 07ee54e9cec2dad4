import type { SettingDescription } from '../../src/config.ts'
import type { DocumentedValue } from './documented-values.ts'

/** The values as a Markdown table. */
export function tableOfValues(values: DocumentedValue[]): string {
  const rows = values.map(({ path, default: fallback, text }) => [
    code(path),
    code(JSON.stringify(fallback) ?? 'null'),
    text,
  ])
  return table(['value', 'default', 'meaning'], rows)
}

/** The operator's settings as a Markdown table, by their names in the chart. */
export function tableOfSettings(settings: SettingDescription[]): string {
  const rows = settings.map(({ name, default: fallback, help, schema }) => [
    code(name),
    fallback === undefined ? '' : code(fallback),
    `${help}${rangeOf(schema)}`,
  ])
  return table(['setting', 'default', 'meaning'], rows)
}

/** A text with another content between two marks: `<!-- name -->` and `<!-- /name -->`. */
export function withSection(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`no section ${name}`)
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`
}

function rangeOf(schema: SettingDescription['schema']): string {
  if ('enum' in schema) return ` (${schema.enum.join(', ')})`
  return 'minimum' in schema ? ` (${schema.minimum} to ${schema.maximum})` : ''
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}
