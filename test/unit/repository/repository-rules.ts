/** Folders that only one machine has, and hosts that packages come from. The pieces keep this file from naming them. */
const foreign = new RegExp(
  [
    ...['home', 'root', 'Users', 'work'].map((folder) => `(?<![\\w.~$}*-])/${folder}/[\\w.-]+`),
    ...['registry\\.npmjs', 'proxy\\.golang', 'sum\\.golang', 'files\\.pythonhosted', 'deb\\.debian'].map(
      (host) => `${host}\\.\\w+`,
    ),
  ].join('|'),
  'g',
)

/** Places of one machine, and registry hosts, that a text names. */
export function foreignNames(text: string): string[] {
  return [...text.matchAll(foreign)].map(([name]) => name)
}

/** The links of a Markdown text that lead to no file or heading; `read` gives a target's text, if there is one. */
export function brokenLinks(text: string, read: (path: string) => string | undefined): string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '')
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(target, text, read))
}

function leadsSomewhere(target: string, text: string, read: (path: string) => string | undefined): boolean {
  const [path = '', heading] = target.split('#')
  const found = path === '' ? text : read(path)
  return found !== undefined && (heading === undefined || headingsOf(found).includes(heading))
}

/** Headings as links name them: lower case, without punctuation, with hyphens. */
function headingsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ +(.*)$/gm)].map(([, heading = '']) => heading)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
