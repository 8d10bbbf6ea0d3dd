// `node .bench/agreement.js [SIZE]`: a copy of 1 GiB, or of SIZE, with the status page in Chromium (where that is
// installed), /metrics, /status.json, --progress=json and --stats all open. Fails unless they agree at the end.

import { chromium } from 'playwright-core'
import { isInstalled } from './programs.js'
import { GeneratedImage } from './slow-server/image.js'
import { startInProcess } from './slow-server/in-process.js'
import { parseSize } from './slow-server/size.js'
import { disagreements, watchedCopy } from './views.js'

const size = parseSize(process.argv[2] ?? '1G')
const image = new GeneratedImage({ size })
await using origin = await startInProcess({ image: { size }, thinkTimeMs: 100, bandwidth: 30e6 })
const hasBrowser = isInstalled('chromium')
if (!hasBrowser) console.log('without the status page: chromium is not installed')
const browser = hasBrowser
  ? await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  : undefined
let wrong = -1
const views = await watchedCopy({
  url: origin.url,
  browser,
  consume(chunk, offset) {
    const index = image.compare(offset, chunk)
    if (index >= 0 && wrong < 0) wrong = offset + index
  },
})
await browser?.close()
for (const { name, served, fetched } of views) {
  console.log(`${name.padEnd(16)} served ${served.padStart(12)}  fetched ${fetched.padStart(12)}`)
}
const differ = disagreements(views)
for (const line of differ) console.log(`differs: ${line}`)
if (wrong >= 0) console.log(`the copy differs from the image at byte ${wrong}`)
console.log(differ.length === 0 && wrong < 0 ? 'all agree' : 'FAILED')
if (differ.length > 0 || wrong >= 0) process.exitCode = 1
