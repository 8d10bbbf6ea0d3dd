// The status page of a live copy in a real browser: what it shows is what the server said, it asks nobody
// else, and it can be used without a mouse, in the dark and on a phone.

import { mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Page } from 'playwright-core'
import t from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { disagreements, type View, watchedCopy } from '../../.bench/views.js'
import { serve } from '../../dist/main/index.js'
import { isShow, show, valueAt } from '../../dist/main/status/page/figures.js'
import type { StatusSnapshot } from '../../dist/main/status/snapshot.js'
import { requires } from '../fixtures/requires.js'
import { StatusFeed } from '../fixtures/status-feed.js'
import { until } from '../fixtures/until.js'

const MiB = 1024 ** 2
const TOKEN = 'a-token-of-the-test'
const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` }
const HOSTILE = `<img src=x onerror="alert(1)"><b>bold</b>&amp;`
const AXE = import.meta.resolve('axe-core/axe.min.js')
/** Kept by whoever runs the tests; git ignores it. */
const ARTIFACTS = fileURLToPath(new URL('../../.artifacts/', import.meta.url))

/** Every element that stands for a field of the snapshot: its path, exact value, kind, and text. */
async function fieldsOf(tab: Page) {
  return tab.locator('[data-field]').evaluateAll(all =>
    all.map(one => ({
      path: one.getAttribute('data-field') ?? '',
      value: one.getAttribute('data-value'),
      kind: one.getAttribute('data-show') ?? '',
      text: one.textContent ?? '',
    })),
  )
}

/** What the page shows otherwise than the snapshot says. */
async function differences(tab: Page, snapshot: StatusSnapshot): Promise<string[]> {
  return (await fieldsOf(tab)).flatMap(({ path, value, kind, text }) => {
    const expected = valueAt(snapshot, path)
    const exact = expected === null || expected === undefined ? '' : String(expected)
    // The clock is the browser's own, whose time zone may be another.
    const shown = isShow(kind) && kind !== 'clock' ? show(kind, expected) : text
    return exact === value && (kind === '' || shown === text)
      ? []
      : [`${path}: ${value} '${text}', not ${exact} '${shown}'`]
  })
}

const timeOn = (tab: Page) => tab.locator('body').getAttribute('data-time-ms')
const stateOf = (tab: Page) => tab.locator('body').getAttribute('data-feed')

async function picture(tab: Page, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true })
  await tab.screenshot({ path: `${ARTIFACTS}status-page-${name}.png`, fullPage: true })
}

/** What the rules of axe object to: all, or those named. */
async function objections(tab: Page, ...rules: string[]): Promise<string[]> {
  const options = rules.length === 0 ? {} : { runOnly: rules }
  const { violations } = (await tab.evaluate(`axe.run(${JSON.stringify(options)})`)) as AxeResults
  return violations.map(({ help, nodes }) => `${help}: ${nodes.map(node => node.html).join(' ')}`)
}

interface AxeResults {
  readonly violations: readonly {
    readonly help: string
    readonly nodes: readonly { readonly html: string }[]
  }[]
}

t.test('the status page', requires('chromium'), async t => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  t.teardown(() => browser.close())
  const origin = await SlowServer.start({
    image: { size: 96 * MiB },
    thinkTimeMs: 40,
    totalBandwidth: 24e6,
    concurrency: { max: 6 },
  })
  t.teardown(() => origin.close())
  const options = {
    unix: '-',
    exports: [
      { name: HOSTILE, url: origin.url },
      { name: 'idle', url: origin.url },
    ],
    ringSize: 32 * MiB,
    statusToken: TOKEN,
  }
  const server = await serve({ ...options, status: '127.0.0.1:0' })
  t.teardown(() => server.close({ drainMs: 0 }))
  const url = server.statusUrl ?? ''
  const feed = new StatusFeed(url, AUTHORIZED)
  t.teardown(() => feed.close())

  const tab = await browser.newPage({
    viewport: { width: 1280, height: 900 },
    colorScheme: 'light',
  })
  const complaints: string[] = []
  const requests: string[] = []
  tab.on('pageerror', error => complaints.push(error.message))
  tab.on('console', message => complaints.push(message.text()))
  tab.on('dialog', dialog => complaints.push(dialog.message()))
  tab.on('requestfailed', request => complaints.push(request.url()))
  tab.on('request', request => requests.push(request.url()))

  await tab.goto(url)
  const token = tab.getByLabel('Status token')
  await token.fill('a wrong one')
  await token.press('Enter')
  await tab.getByText('The server refused this token.').waitFor()
  t.equal(await tab.locator('main').isVisible(), false, 'no data without the token')
  await token.fill(TOKEN)
  await token.press('Enter')
  await tab.locator('main').waitFor()
  const refusals = complaints.splice(0)
  t.same(
    refusals.filter(text => !/status of 401/.test(text)),
    [],
    'a browser itself mentions what was refused, and nothing else',
  )

  let goOn = () => {}
  const held = new Promise<void>(resolve => {
    goOn = resolve
  })
  const client = await NbdClient.connect({ path: server.unixSocket ?? '' }, { exportName: HOSTILE })
  t.teardown(() => client.close())
  const copy = client.stream(
    (chunk, offset) => (offset + chunk.length < 40 * MiB ? undefined : held),
    { inFlight: 8 },
  )
  copy.catch(() => {})
  t.teardown(goOn)

  await until(() => server.statistics().servedBytes > 16 * MiB)
  const pause = tab.getByRole('button', { name: 'Pause' })
  const resume = tab.getByRole('button', { name: 'Go on' })
  // A picture from before the copy, or that only the page has got, is left for the next.
  for (;;) {
    await pause.click()
    const time = await timeOn(tab)
    const newest = () => Math.max(...[...feed.pictures.keys()].map(Number))
    await until(() => newest() >= Number(time))
    if ((feed.pictures.get(time ?? '')?.statistics.servedBytes ?? 0) > 0) break
    await resume.click()
    await until(async () => (await timeOn(tab)) !== time)
  }
  const frozen = feed.pictures.get((await timeOn(tab)) ?? '') as StatusSnapshot
  t.ok(frozen.statistics.servedBytes > 0, 'in the middle of the copy')
  t.same(await differences(tab, frozen), [], 'a page that is paused shows one picture, whole')
  const paths = (await fieldsOf(tab)).map(({ path }) => path)
  for (const path of [
    'exports.0.map.cells',
    'ring.cells',
    'clients.0.bytes',
    'workers.0.bytes',
    'settings.maxRequest',
  ]) {
    t.ok(paths.includes(path), path)
  }
  t.match(await tab.locator('#feed').textContent(), /Paused, data is \d+ s old/)
  await resume.click()

  await t.test('once the client stands still the page says what /status.json says', async t => {
    await until(async () => {
      const { inFlight, servedBytes } = server.statistics()
      const shown = await tab.locator('[data-field="statistics.servedBytes"]').first()
      const idle =
        (await tab
          .locator('[data-field="statistics.inFlight"]')
          .first()
          .getAttribute('data-value')) === '0'
      return (
        inFlight === 0 && idle && (await shown.getAttribute('data-value')) === String(servedBytes)
      )
    })
    const answer = await fetch(`${url}status.json`, { headers: AUTHORIZED })
    const status = (await answer.json()) as StatusSnapshot
    const shown = new Map((await fieldsOf(tab)).map(({ path, value }) => [path, value]))
    const still = server.statistics()
    for (const field of [
      'servedBytes',
      'fetchedBytes',
      'reads',
      'requests',
      'throttled',
    ] as const) {
      t.equal(status.statistics[field], still[field], field)
      t.equal(shown.get(`statistics.${field}`), String(still[field]), `${field} on the page`)
    }
    t.equal(shown.get('exports.0.map.cells'), status.exports[0]?.map.cells)
    t.equal(shown.get('ring.cells'), status.ring.cells)
  })

  await t.test('names from outside are text', async t => {
    t.equal(await tab.locator('#exports h3').first().textContent(), HOSTILE)
    t.equal(await tab.locator('main img, main b').count(), 0)
  })

  await t.test('it is whole in light, in the dark and on a phone', async t => {
    // Handed to the browser from outside: the page's own policy would forbid it.
    await tab.evaluate(readFileSync(fileURLToPath(AXE), 'utf8'))
    t.same(await objections(tab), [], 'light')
    await picture(tab, 'light')
    await tab.emulateMedia({ colorScheme: 'dark' })
    t.same(await objections(tab, 'color-contrast'), [], 'dark')
    await picture(tab, 'dark')
    await tab.setViewportSize({ width: 360, height: 780 })
    const width = await tab.locator('body').evaluate(body => body.scrollWidth)
    t.equal(width, 360, 'nothing is wider than the phone')
    // As it is between the turning of a tablet and the page's next turn.
    const before = await tab.locator('body').evaluate(body => {
      for (const map of body.querySelectorAll('.map canvas')) {
        ;(map as unknown as { style: { width: string } }).style.width = '1248px'
      }
      return body.scrollWidth
    })
    t.equal(before, 360, 'nor is what was drawn for a wider page')
    await picture(tab, 'phone')
    await tab.emulateMedia({ colorScheme: 'light' })
    await tab.setViewportSize({ width: 1280, height: 900 })
  })

  await t.test('everything is reached and used by keyboard', async t => {
    await tab.locator('.skip').focus()
    const reached: string[] = []
    for (let i = 0; i < 40; i++) {
      const focus = tab.locator(':focus')
      if ((await focus.count()) === 0) break
      const label = await focus.getAttribute('aria-label')
      reached.push(label ?? (await focus.textContent()) ?? '')
      await tab.keyboard.press('Tab')
    }
    t.match(reached.slice(0, 3), ['Skip to the status', 'Pause', /^Map of the image/])
    for (const label of ['Map of the ring', 'HTTP requests under way', 'NBD clients', 'metrics']) {
      t.ok(
        reached.some(one => one.startsWith(label)),
        label,
      )
    }
    const map = tab.getByRole('slider').first()
    await map.focus()
    await tab.keyboard.press('ArrowRight')
    t.equal(await map.getAttribute('aria-valuenow'), '1')
    t.match(await map.getAttribute('aria-valuetext'), /^256 KiB to 512 KiB: /)
    await tab.keyboard.press('End')
    t.match(await map.getAttribute('aria-valuetext'), /to 96\.0 MiB: /)
    await pause.focus()
    await tab.keyboard.press('Space')
    await resume.waitFor()
    await tab.keyboard.press('Enter')
    await pause.waitFor()
  })

  t.same(complaints, [], 'no errors in the console')
  t.same(
    requests.filter(one => !one.startsWith(url)),
    [],
    'nothing is asked of anybody else',
  )

  await t.test(
    'page, metrics, data, progress and table agree on one copy of the program',
    async t => {
      const image = new GeneratedImage({ size: 24 * MiB })
      origin.setOptions({ image, totalBandwidth: undefined })
      const chunks: boolean[] = []
      const views = await watchedCopy({
        url: origin.url,
        browser,
        consume: (chunk, offset) => chunks.push(image.compare(offset, chunk) < 0),
      })
      t.ok(chunks.every(Boolean), 'every byte is right')
      t.strictSame(
        views.map(({ name }) => name),
        ['/status.json', '/metrics', 'status page', '--progress=json', '--stats'],
      )
      t.equal(views[0]?.served, String(24 * MiB))
      t.strictSame(disagreements(views), [])
      const [first] = views as [View]
      const wrong = { ...first, name: 'another', fetched: `${Number(first.fetched) + 1}` }
      t.equal(disagreements([first, wrong]).length, 1, 'a byte more would show')
    },
  )

  await t.test('a lost connection is told, and found again', async t => {
    const { port } = new URL(url)
    await server.close({ drainMs: 0 })
    await until(async () => (await stateOf(tab)) === 'lost')
    t.match(
      await tab.locator('#feed').textContent(),
      /^Connection lost, data is \d+ s old; trying again$/,
    )
    t.match(await tab.getByRole('status').textContent(), 'Connection lost')
    await tab.screenshot({ path: `${ARTIFACTS}status-page-lost.png` })
    await using again = await serve({ ...options, status: `127.0.0.1:${port}` })
    await until(async () => (await stateOf(tab)) === 'live')
    await until(async () => {
      const shown = tab.locator('[data-field="statistics.servedBytes"]').first()
      return (await shown.getAttribute('data-value')) === String(again.statistics().servedBytes)
    })
  })
})
