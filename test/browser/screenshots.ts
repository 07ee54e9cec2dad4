import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import sharp from 'sharp'
import { launchChromium } from './chromium.ts'
import { buildPage } from './page-bundle.ts'
import { NOW, openScene, type Scene } from './scene.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
const light = { viewport: { width: 1280, height: 800 }, colorScheme: 'light' } as const
const dark = { ...light, colorScheme: 'dark' } as const
const phone = { viewport: { width: 390, height: 780 }, colorScheme: 'light' } as const

/** Run by `make screenshots`: the suites do not make pictures. Each one is taken twice, and must be the same both times. */
describe('the pictures of the page', function () {
  this.timeout('180s')
  let scene: Scene
  let browser: Browser

  before(async () => {
    await buildPage()
    await mkdir(folder, { recursive: true })
    scene = await openScene()
    browser = await launchChromium()
  })
  after(async () => {
    await browser.close()
    await scene.close()
  })

  async function picture(view: string, awaited: string, options: BrowserContextOptions): Promise<Buffer> {
    const place = { locale: 'en-GB', timezoneId: 'Europe/Berlin' }
    const context = await browser.newContext({ reducedMotion: 'reduce', ...place, ...options })
    const page = await context.newPage()
    await page.clock.setFixedTime(NOW)
    await page.goto(`${scene.url}/#/${view}`)
    await page.getByLabel('Token', { exact: true }).fill('any')
    await page.getByRole('button', { name: 'Show jobs' }).click()
    await page.locator(awaited).first().waitFor()
    await page.locator('.link-live').waitFor()
    await page.mouse.move(0, 0)
    const taken = await settled(page)
    await context.close()
    // The pictures have few colours: with a palette they are a third as large.
    return sharp(taken).png({ palette: true, effort: 10, compressionLevel: 9 }).toBuffer()
  }

  /** What the page shows once it changes no more: charts are drawn after the layout. */
  async function settled(page: Page): Promise<Buffer> {
    let last: Buffer = Buffer.alloc(0)
    for (;;) {
      const next = await page.screenshot({ animations: 'disabled', caret: 'hide' })
      if (next.equals(last)) return next
      last = next
    }
  }

  const pictures: [name: string, view: () => string, awaited: string, options: BrowserContextOptions][] = [
    ['jobs-light', () => 'jobs', '.row', light],
    ['jobs-dark', () => 'jobs', '.row', dark],
    ['job-dark', () => `jobs/${scene.failedJob}`, '.line', dark],
    ['job-light', () => `jobs/${scene.runningJob}`, '.line >> nth=17', light],
    ['activity-light', () => 'activity', 'canvas >> nth=2', light],
    ['pools-light', () => 'pools', '.pool-card', light],
    ['jobs-phone', () => 'jobs', '.row', phone],
    ['job-phone', () => `jobs/${scene.failedJob}`, '.line', phone],
  ]
  for (const [name, view, awaited, options] of pictures) {
    it(`docs/screenshots/${name}.png`, async () => {
      const [once, again] = [await picture(view(), awaited, options), await picture(view(), awaited, options)]
      expect(once.equals(again), 'the second picture is the same').to.equal(true)
      await writeFile(join(folder, `${name}.png`), once)
    })
  }
})
