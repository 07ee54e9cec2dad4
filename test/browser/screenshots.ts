import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { TOKEN } from '../site/site.ts'
import { launchChromium } from './chromium.ts'
import { buildPage } from './page-bundle.ts'
import { openScene, type Scene } from './scene.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
const light = { viewport: { width: 1280, height: 800 }, colorScheme: 'light' } as const
const dark = { ...light, colorScheme: 'dark' } as const
const phone = { viewport: { width: 390, height: 780 }, colorScheme: 'light' } as const

/** Run by `make screenshots`: the suites do not make pictures. */
describe('the pictures of the page', function () {
  this.timeout('180s')
  let scene: Scene
  let browser: Browser

  before(async () => {
    buildPage()
    await mkdir(folder, { recursive: true })
    scene = await openScene()
    browser = await launchChromium()
  })
  after(async () => {
    await browser.close()
    await scene.close()
  })

  const pictures: [name: string, view: () => string, awaited: string, options: BrowserContextOptions][] = [
    ['jobs-light', () => 'jobs', '.row', light],
    ['jobs-dark', () => 'jobs', '.row', dark],
    ['job-dark', () => `jobs/${scene.runningJob}`, '.line', dark],
    ['activity-light', () => 'activity', 'canvas', light],
    ['pools-light', () => 'pools', '.pool-card', light],
    ['jobs-phone', () => 'jobs', '.row', phone],
    ['job-phone', () => `jobs/${scene.runningJob}`, '.timeline', phone],
  ]
  for (const [name, view, awaited, options] of pictures) {
    it(`docs/screenshots/${name}.png`, async () => {
      const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', ...options })
      const page = await context.newPage()
      await page.goto(`${scene.operator.url}/#/${view()}`)
      await page.getByLabel('Token', { exact: true }).fill(TOKEN)
      await page.getByRole('button', { name: 'Show jobs' }).click()
      await page.locator(awaited).first().waitFor()
      await page.mouse.move(0, 0)
      await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' })
      await context.close()
    })
  }
})
