import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const root = join(import.meta.dirname, '../..')

/** A headless Chromium of the system. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = execFileSync(join(root, 'config/local/chromium-path'), { encoding: 'utf8' }).trim()
  // Its sandbox needs rights that containers lack; it loads nothing but the page.
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--font-render-hinting=none',
      '--disable-partial-raster',
      '--disable-lcd-text',
    ],
  })
}
