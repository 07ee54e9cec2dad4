import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { seriousFindings } from '../../browser/axe.ts'
import { launchChromium } from '../../browser/chromium.ts'
import { buildPage } from '../../browser/page-bundle.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { exited, running } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { freePort } from '../../processes/free-port.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'

/** Text that would run if it became markup anywhere. */
const EVIL = '<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>'

const VIEWER = 'viewers-token'

/** Below it, as behind a proxy that leaves it; `many-jobs.test.ts` has the page without one. */
const BASE = '/team/hub'

describe('the page', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let rest: RestClient
  let logs: NodeLogs
  let browser: Browser
  let port: number
  const problems: string[] = []

  before(async function () {
    // A build, a control plane, an operator and a browser, on a busy machine.
    this.timeout('3m')
    await buildPage()
    site = await openSite()
    await appendFile(site.tokenFile, `${VIEWER},eve,eve-uid,"runnerhub:viewers"\nnobodys-token,nobody,nobody-uid\n`)
    // On the node, where each test decides what happens next.
    site.kubelet.onPod(() => ({ steps: [{ act: 'bind' }] }))
    await site.createPool('default', { labels: ['linux'] })
    port = await freePort()
    logs = await serveLogs(site.plane.client)
    ;[operator, browser] = await Promise.all([start(), launchChromium()])
    rest = new RestClient(operator.url)
  })
  afterEach(() => {
    expect(problems.splice(0), 'errors and breaches of the policy in the console').to.deep.equal([])
  })
  after(async () => {
    await browser?.close()
    await site?.close()
    await logs?.close()
  })

  const start = (): Promise<Operator> => site.operator({ httpPort: port, env: { BASE_PATH: BASE } })

  /** A new tab, in which every error counts. */
  async function tab(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
    context.setDefaultTimeout(15_000)
    const page = await context.newPage()
    page.on('pageerror', ({ message }) => problems.push(message))
    page.on('console', (message) => {
      const isNetwork = /Failed to load resource|WebSocket connection/.test(message.text())
      if (message.type() === 'error' && !isNetwork) problems.push(message.text())
    })
    return page
  }

  /** A tab with a session that shows this fragment. */
  async function signedIn(fragment = '', token = TOKEN, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await tab(options)
    await page.goto(`${operator.url}${BASE}/${fragment}`)
    await page.getByLabel('Token', { exact: true }).fill(token)
    await page.getByRole('button', { name: 'Show jobs' }).click()
    await page.locator('header.top').waitFor()
    return page
  }

  let count = 0
  const delegate = (facts: object = {}): Promise<string> =>
    rest.delegate({ jobId: String((count += 1)), runId: '7', repository: 'owner/repo', labels: ['linux'], ...facts })

  const podOf = (id: string): string => `${id}-1`

  async function run(id: string): Promise<void> {
    await site.kubeletHas(id)
    await site.kubelet.apply(podOf(id), running)
    await site.jobIs(id, { phase: 'Running' })
  }

  async function end(id: string, code = 0): Promise<void> {
    logs.end(podOf(id))
    await site.kubelet.apply(podOf(id), (pod) => exited(pod, code))
  }

  const rowOf = (page: Page, repository: string) => page.getByRole('row').filter({ hasText: repository })

  it('asks for a token, refuses an unknown one and keeps a known one in its tab only', async () => {
    const page = await tab()
    await page.goto(`${operator.url}${BASE}`)
    await page.getByLabel('Token', { exact: true }).fill('not-a-token')
    await page.getByRole('button', { name: 'Show jobs' }).click()
    await page.getByRole('alert').filter({ hasText: 'does not know this token' }).waitFor()
    await page.getByLabel('Token', { exact: true }).fill(TOKEN)
    await page.getByRole('button', { name: 'Show jobs' }).click()
    await page.getByText('Live').waitFor()
    await page.reload()
    await page.getByText('Live').waitFor()
    const stored = await page.evaluate('JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])')
    expect(stored).to.equal(JSON.stringify([{ 'runnerhub.token': TOKEN }, {}, '']))
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token', { exact: true }).waitFor()
    expect(await page.evaluate('sessionStorage.length')).to.equal(0)
    await page.context().close()
  })

  it('says which right a caller lacks who may not list jobs', async () => {
    const page = await signedIn('', 'nobodys-token')
    await page.getByRole('heading', { name: 'This token may not list jobs' }).waitFor()
    await page.context().close()
  })

  it('shows a job from queued to completed without a reload, and its reason in words', async () => {
    const page = await signedIn()
    await page.evaluate('globalThis.isSamePage = true')
    const id = await delegate({ repository: 'owner/life', workflow: 'CI' })
    const row = rowOf(page, 'owner/life')
    await row.filter({ hasText: /queued|assigned/ }).waitFor()
    await run(id)
    await row.filter({ hasText: 'running' }).waitFor()
    await row.getByRole('link').click()
    await page.getByText('The container of the job runs.').waitFor()
    await end(id, 3)
    await page.getByRole('heading', { name: 'ExitCode' }).waitFor()
    await page.getByText('Read the log of the job: the program itself failed').waitFor()
    const stages = await page.locator('.timeline .stage-name').allTextContents()
    expect(stages).to.deep.equal(['Queued', 'Starting', 'Running', 'failed'])
    await page.getByRole('link', { name: 'Jobs', exact: true }).first().click()
    await row.filter({ hasText: 'failed' }).filter({ hasText: 'ExitCode' }).waitFor()
    expect(await page.evaluate('globalThis.isSamePage')).to.equal(true)
    await page.context().close()
  })

  it('shows why a job waits as soon as the operator knows', async () => {
    const page = await signedIn('#/jobs?state=queued')
    await delegate({ repository: 'owner/waits', labels: ['gpu'] })
    await rowOf(page, 'owner/waits').filter({ hasText: 'NoMatchingPool' }).waitFor()
    const meaning = await rowOf(page, 'owner/waits').locator('.reason').getAttribute('title')
    expect(meaning).to.match(/^No pool offers all labels of the job/)
    await rowOf(page, 'owner/waits').getByRole('link').click()
    await page.getByText('no RunnerPool offers the label "gpu"').waitFor()
    await page.getByText('Correct the job or a pool, or create a pool').waitFor()
    await page.context().close()
  })

  it('filters by state, repository, text and time, and keeps the filter in its address', async () => {
    await delegate({ repository: 'filter/one', workflow: 'Nightly', labels: ['nowhere'] })
    await delegate({ repository: 'filter/two', workflow: 'Release', labels: ['nowhere'] })
    await site.createJob(randomUUID(), {
      repository: 'filter/old',
      workflow: 'Nightly',
      labels: ['nowhere'],
      delegatedAt: new Date(Date.now() - 7_200_000).toISOString(),
    })
    const page = await signedIn()
    const shows = async (...names: string[]): Promise<void> => {
      const found = names.length === 1 ? '1 of ' : `${names.length} of `
      await page.locator('.count', { hasText: found }).waitFor()
      expect(await page.locator('.rows-all .job-name').allTextContents()).to.have.length(names.length)
      for (const name of names) await rowOf(page, name).waitFor()
    }
    await page.getByLabel('Repository').fill('filter/')
    await shows('filter/one', 'filter/two', 'filter/old')
    await page.getByLabel('Delegated').selectOption('60')
    await shows('filter/one', 'filter/two')
    await page.getByLabel('Text').fill('nightly nomatching')
    await shows('filter/one')
    expect(page.url()).to.match(/#\/jobs\?repository=filter%2F&text=nightly\+nomatching&minutes=60$/)
    await page.reload()
    await shows('filter/one')
    await page.getByRole('button', { name: /^running/ }).click()
    await page.getByRole('heading', { name: 'No job matches' }).waitFor()
    await page.getByRole('link', { name: 'Clear the filters' }).click()
    await rowOf(page, 'filter/old').waitFor()
    await page.context().close()
  })

  it('shows the attempts of a job, and by whom it was delegated', async () => {
    const retry = { maxAttempts: 2, reasons: ['ExitCode' as const], backoffSeconds: 1 }
    await site.createPool('again', { labels: ['again'], retry })
    const id = await delegate({ repository: 'owner/again', labels: ['again'], runnerName: 'proxy-7' })
    const page = await signedIn(`#/jobs/${id}`)
    await run(id)
    await end(id, 3)
    await page.getByRole('heading', { name: 'Attempts' }).waitFor()
    await page.locator('.attempts li', { hasText: 'ExitCode' }).filter({ hasText: 'exit code 3' }).waitFor()
    const delegatedBy = page.locator('.facts div', { hasText: 'Delegated by' })
    expect(await delegatedBy.locator('dd').textContent()).to.equal('proxy-7')
    await page.context().close()
  })

  it('follows a log, with colours, search, timestamps and links to its lines', async () => {
    const id = await delegate({ repository: 'owner/log' })
    await run(id)
    const page = await signedIn(`#/jobs/${id}`)
    logs.write(podOf(id), '\u001B[32mgreen\u001B[0m and plain')
    await page.locator('.line', { hasText: 'green and plain' }).waitFor()
    expect(await page.locator('.line .ansi-green').textContent()).to.equal('green')
    for (let line = 2; line <= 500; line++) logs.write(podOf(id), line === 250 ? 'the needle' : `line ${line}`)
    await page.locator('.line', { hasText: 'line 500' }).waitFor()
    expect(await page.locator('.line').count(), 'drawn lines').to.be.below(400)
    await page.getByLabel('Search the log').fill('needle')
    await page.getByText('1 of 1').waitFor()
    await page.locator('.line.target', { hasText: 'the needle' }).waitFor()
    await page.getByRole('link', { name: 'Line 250' }).click()
    expect(page.url()).to.match(new RegExp(`#/jobs/${id}\\?line=250$`))
    await page.getByRole('button', { name: 'Timestamps' }).click()
    expect(await page.locator('.line.target time').textContent()).to.match(/^\d\d:\d\d:\d\d\.\d{3}$/)
    await page.getByRole('button', { name: 'Wrap' }).click()
    await page.locator('.lines.wrapped').waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ])
    expect(download.suggestedFilename()).to.equal(`${id}.log`)
    const text = readFileSync(await download.path(), 'utf8')
    expect(text.split('\n')).to.have.length(501)
    expect(text).to.match(/^\d{4}-\d\d-\d\dT\S+Z .\[32mgreen/)
    const again = await signedIn(`#/jobs/${id}?line=250`)
    await again.locator('.line.target', { hasText: 'the needle' }).waitFor()
    await end(id)
    await again.getByText('500 lines', { exact: true }).waitFor()
    await Promise.all([page.context().close(), again.context().close()])
  })

  it('shows text of strangers as text, wherever it appears, and links only to GitHub', async () => {
    const facts = {
      workflow: EVIL,
      runnerName: EVIL.slice(0, 128),
      actor: EVIL.slice(0, 128),
      ref: EVIL,
      eventName: EVIL.slice(0, 64),
    }
    const id = await delegate({ repository: 'owner/evil', ...facts, jobId: EVIL, labels: ['linux', EVIL] })
    const page = await signedIn()
    await rowOf(page, 'owner/evil').filter({ hasText: EVIL }).waitFor()
    await page.goto(`${operator.url}${BASE}/#/runners`)
    await page.getByRole('row').filter({ hasText: '<img src=x' }).waitFor()
    await page.goto(`${operator.url}${BASE}/#/jobs/${id}`)
    await page.getByRole('heading', { name: EVIL }).waitFor()
    const runs1 = await delegate({ repository: 'owner/evil-log' })
    await run(runs1)
    logs.write(podOf(runs1), `${EVIL} \u001B]8;;javascript:alert(1)\u0007link\u001B]8;;\u0007`)
    await page.goto(`${operator.url}${BASE}/#/jobs/${runs1}`)
    await page.locator('.line', { hasText: EVIL }).waitFor()
    const links: unknown = JSON.parse(
      String(
        await page.evaluate("JSON.stringify([...document.querySelectorAll('a')].map((a) => a.getAttribute('href')))"),
      ),
    )
    const isKnown = (href: unknown): boolean => /^(#\/|#main$|https:\/\/github\.com\/owner\/)/.test(String(href))
    expect((Array.isArray(links) ? links : []).filter((href) => !isKnown(href))).to.deep.equal([])
    expect(links).to.have.length.above(5)
    expect(await page.evaluate('globalThis.hacked')).to.equal(undefined)
    await end(runs1)
    await page.context().close()
  })

  it('cancels a job where the caller may, and offers it to nobody else', async () => {
    const id = await delegate({ repository: 'owner/cancel' })
    await run(id)
    const viewer = await signedIn(`#/jobs/${id}`, VIEWER)
    await viewer.getByRole('heading', { name: 'Running', exact: true }).waitFor()
    expect(await viewer.getByRole('button', { name: 'Cancel job' }).count()).to.equal(0)
    const page = await signedIn(`#/jobs/${id}`)
    await page.getByRole('button', { name: 'Cancel job' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel job' }).click()
    await page.getByRole('heading', { name: 'CancelRequested' }).waitFor()
    await page.locator('.job-head .state', { hasText: 'cancelled' }).waitFor()
    await Promise.all([page.context().close(), viewer.context().close()])
  })

  it('shows the slots, the queue and the limits of pools, and runners', async () => {
    await site.createPool('small', { labels: ['small'], maxRunners: 1, repositories: ['owner/*'] })
    const ids = [await delegate({ labels: ['small'] }), await delegate({ labels: ['small'] })]
    await site.until('a job to start', () => site.kubelet.ledger.all.some(({ job }) => ids.includes(job)))
    const page = await signedIn('#/pools', VIEWER)
    const card = page.locator('.pool-card', { hasText: 'small' })
    await card.getByText('1 of 1 slots').waitFor({ timeout: 30_000 })
    await card.getByText('1 queued').waitFor()
    await card.getByText('owner/*').waitFor()
    await page.getByRole('link', { name: 'Runners' }).click()
    await page
      .getByRole('row')
      .filter({ hasText: ids[0] ?? '' })
      .waitFor()
    await page.getByRole('link', { name: 'Activity' }).click()
    await page.getByRole('heading', { name: 'Finished jobs' }).waitFor()
    expect(await page.locator('canvas').count()).to.equal(3)
    await page.context().close()
  })

  it('is used by keyboard alone', async () => {
    const id = await delegate({ repository: 'owner/keys' })
    const page = await signedIn('#/jobs?repository=owner/keys')
    await rowOf(page, 'owner/keys').waitFor()
    await page.locator('.rows-box').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Facts' }).waitFor()
    expect(page.url()).to.include(id)
    expect(await page.evaluate('document.activeElement.id'), 'the focus is in the new view').to.equal('main')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).to.equal('Jobs')
    expect(await page.title()).to.match(/^(queued|assigned): .* · owner\/keys · RunnerHub$/)
    await page.keyboard.press('Enter')
    await rowOf(page, 'owner/keys').waitFor()
    expect(await page.title()).to.equal('Jobs · RunnerHub')
    await page.context().close()
  })

  it('has no serious finding of axe-core, in light, in dark and on a phone', async () => {
    const id = await delegate({ repository: 'owner/axe', sha: 'abc123' })
    await run(id)
    logs.write(podOf(id), '\u001B[31mred\u001B[0m \u001B[90mgrey\u001B[0m \u001B[44mon blue\u001B[0m')
    const phone = { viewport: { width: 320, height: 640 }, colorScheme: 'light' } as const
    const long = `${'organisation-with-a-long-name'.slice(0, 39)}/${'repository-'.repeat(8)}`
    await delegate({ repository: long, workflow: 'A workflow whose name nobody can read in one glance '.repeat(3) })
    for (const options of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, phone] as const) {
      const page = await signedIn('', TOKEN, options)
      await page.getByRole('row').nth(2).waitFor()
      for (const view of ['jobs', `jobs/${id}`, 'pools', 'runners', 'activity']) {
        await page.goto(`${operator.url}${BASE}/#/${view}`)
        if (view === `jobs/${id}`) await page.locator('.line').first().waitFor()
        else await page.locator('.rows, .pool-card, canvas').first().waitFor()
        expect(await seriousFindings(page), `${view} ${JSON.stringify(options)}`).to.deep.equal([])
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        expect(overflow, `${view}: scrolls sideways`).to.be.at.most(0)
      }
      await page.getByRole('button', { name: 'Sign out' }).click()
      expect(await seriousFindings(page), 'sign-in').to.deep.equal([])
      await page.context().close()
    }
    const page = await signedIn(`#/jobs/${id}`, TOKEN, { colorScheme: 'dark' })
    await page.getByRole('button', { name: 'Cancel job' }).click()
    await page.getByRole('dialog').waitFor()
    expect(await seriousFindings(page), 'dialog').to.deep.equal([])
    await page.keyboard.press('Escape')
    await page.goto(`${operator.url}${BASE}/#/jobs?text=nothing-like-this`)
    await page.locator('.notice').waitFor()
    expect(await seriousFindings(page), 'notice').to.deep.equal([])
    await page.context().close()
    await end(id)
  })

  it('shows itself quickly', async () => {
    const page = await tab()
    await page.goto(`${operator.url}${BASE}`)
    await page.getByLabel('Token', { exact: true }).waitFor()
    const paintMs = Number(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    expect(paintMs, 'first contentful paint').to.be.within(1, 2000)
    await page.context().close()
  })

  it('connects again after a restart of the operator, and shows what happened meanwhile', async () => {
    const [lasts, ends] = [await delegate({ repository: 'owner/lasts' }), await delegate({ repository: 'owner/ends' })]
    await run(ends)
    const page = await signedIn()
    await rowOf(page, 'owner/ends').filter({ hasText: 'running' }).waitFor()
    // Jobs come before, while and after no operator is there.
    const loaded = Array.from({ length: 150 }, () => randomUUID())
    const load = loaded.reduce(async (before, name, index) => {
      await before
      await site.createJob(name, { repository: `load/${index}`, labels: ['nowhere'] })
    }, Promise.resolve())
    await rowOf(page, 'load/').first().waitFor()
    operator.kill()
    await page.getByText('Reconnecting').waitFor()
    await end(ends)
    await site.createJob(randomUUID(), { repository: 'owner/new', labels: ['linux'] })
    operator = await start()
    await page.getByText('Live').waitFor({ timeout: 30_000 })
    await load
    await page.getByLabel('Repository').fill('load/')
    await page.locator('.count', { hasText: '150 of ' }).waitFor()
    await page.getByLabel('Repository').fill('owner/')
    await rowOf(page, 'owner/ends').filter({ hasText: 'completed' }).waitFor()
    await rowOf(page, 'owner/new').waitFor()
    await run(lasts)
    await rowOf(page, 'owner/lasts').filter({ hasText: 'running' }).waitFor()
    await page.context().close()
  })
})
