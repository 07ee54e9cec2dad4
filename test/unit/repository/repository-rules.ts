/**
 * Folders of a single machine, and package registries. They are split so that this file does not name them. The official
 * image has the runner in the home of a user called runner.
 */
const foreign = new RegExp(
  [
    ...['home/(?!runner\\b)', 'root/', 'Users/', 'work/'].map((folder) => `(?<![\\w.~$}*-])/${folder}[\\w.-]+`),
    ...['registry\\.npmjs', 'proxy\\.golang', 'sum\\.golang', 'files\\.pythonhosted', 'deb\\.debian'].map(
      (host) => `${host}\\.\\w+`,
    ),
  ].join('|'),
  'g',
)

/** Folders of one machine, and registry hosts, in a text. */
export function foreignNames(text: string): string[] {
  return [...text.matchAll(foreign)].map(([name]) => name)
}

/** The dead links of a Markdown text; `read` returns a target's text, if it exists. */
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
