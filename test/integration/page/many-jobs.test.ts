import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../../browser/chromium.ts'
import { serveCaches } from '../../browser/facade-of-caches.ts'
import { buildPage } from '../../browser/page-bundle.ts'
import { aJob, aRunner } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

const JOBS = 10_000
const HOUR = 3_600_000

describe('the page with 10,000 jobs', function () {
  this.timeout('60s')
  const filled = new FilledCaches()
  let close: () => Promise<void>
  let browser: Browser
  let page: Page

  before(async () => {
    await buildPage()
    await filled.fill()
    const begun = Date.now() - HOUR
    for (let job = 1; job <= JOBS; job++) put(`owner/repo-${job}`, begun + job * 100)
    const facade = await serveCaches(filled)
    close = facade.close
    browser = await launchChromium()
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(facade.url)
    await page.getByLabel('Token', { exact: true }).fill('any')
    await page.getByRole('button', { name: 'Show jobs' }).click()
    await page.getByText('10,000 jobs').waitFor()
  })
  after(async () => {
    await browser.close()
    await close()
  })

  function put(repository: string, delegatedMs: number): void {
    const name = randomUUID()
    filled.putJob(
      aJob({
        metadata: { name, uid: name },
        spec: { repository, workflow: 'CI', delegatedAt: new Date(delegatedMs).toISOString() },
      }),
    )
  }

  const scrollTo = (part: number): Promise<unknown> =>
    page.evaluate(`{ const box = document.querySelector('.rows-box'); box.scrollTop = box.scrollHeight * ${part} }`)

  const rowOf = (repository: RegExp) => page.getByRole('row').filter({ hasText: repository })

  it('draws only the rows in view, at any place of the list', async () => {
    await rowOf(/repo-10000(?!\d)/).waitFor()
    for (const [part, repository] of [
      [0.5, /repo-5000(?!\d)/],
      [1, /repo-1(?!\d)/],
    ] as const) {
      await scrollTo(part)
      await rowOf(repository).waitFor()
      expect(await page.locator('.row').count(), 'drawn rows').to.be.within(5, 60)
    }
  })

  it('filters all of them', async () => {
    await page.getByLabel('Repository').fill('repo-7777')
    await page.getByText('1 of 10,000 jobs').waitFor()
    await page.getByLabel('Repository').fill('')
  })

  it('is where it was when somebody comes back from a job', async () => {
    await scrollTo(0.5)
    await rowOf(/repo-5000(?!\d)/)
      .getByRole('link')
      .click()
    await page.getByRole('heading', { name: 'Facts' }).waitFor()
    await page.goBack()
    await rowOf(/repo-5000(?!\d)/).waitFor()
  })

  it('names the reason of a runner that does not start', async () => {
    const job = aJob({ metadata: { name: randomUUID() }, spec: { repository: 'owner/held-back' } })
    filled.putJob(job)
    filled.putRunner(aRunner({ job, status: { phase: 'Starting', reason: 'QuotaExceeded' } }))
    await page.getByRole('link', { name: 'Runners' }).click()
    await rowOf(/owner\/held-back · QuotaExceeded/).waitFor()
    filled.remove(job)
    await page.getByRole('link', { name: 'Jobs', exact: true }).click()
    await page.getByText('10,000 jobs').waitFor()
  })

  it('draws a burst of 1,000 changes without a long pause', async () => {
    await scrollTo(0)
    await page.evaluate(
      'globalThis.longest = 0; new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration) }).observe({ type: "longtask" })',
    )
    for (let job = 1; job <= 1000; job++) put(`owner/burst-${job}`, Date.now() + job)
    await rowOf(/burst-1000(?!\d)/).waitFor()
    await page.getByText('11,000 jobs').waitFor()
    expect(Number(await page.evaluate('globalThis.longest')), 'longest task, in milliseconds').to.be.below(1000)
  })
})
