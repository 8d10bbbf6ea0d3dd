// One copy that everybody watches at once: the status page in a browser, /metrics, /status.json,
// --progress=json and --stats. What each of them says at the end, to be compared.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import type { StatusSnapshot } from '../dist/main/status/snapshot.js'
import { showBytes } from '../dist/main/status/units.js'
import { CLI } from './cases/ours.js'
import { NbdClient } from './nbd-client.js'

const LOOK_MS = 200
/** Age that figures may have. */
const STALE_MS = 1000
/** Longest time in which what has ended is told by all. */
const SETTLE_MS = 30_000

/** What one of them says; bytes, or '1.00 GiB' where it says no more. */
export interface View {
  readonly name: string
  readonly served: string
  readonly fetched: string
}

/** The copy. */
export interface Watched {
  readonly url: string
  /** Takes the bytes, in order. */
  readonly consume: (chunk: Buffer, offset: number) => void
  /** Without one there is no view of the page. */
  readonly browser?: Browser | undefined
}

/** Copies with everybody watching. @throws {Error} if the program fails, or somebody never hears of the end */
export async function watchedCopy({ url, consume, browser }: Watched): Promise<readonly View[]> {
  const directory = mkdtempSync(join(tmpdir(), 'nbd-prefetch-views-'))
  const path = join(directory, 'socket')
  const progress = join(directory, 'progress')
  const flags = ['-U', path, '--status', '0', '--stats', '--log-format', 'text']
  const child = spawn(
    process.execPath,
    [CLI, ...flags, '--progress=json', '--progress-file', progress, url],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, no_proxy: '*' } },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = once(child, 'close')
  const polling = new AbortController()
  try {
    await Promise.race([once(child.stdout, 'data'), ended])
    const status = /status at (http:\S+)/.exec(said)?.[1]
    if (status === undefined) throw new Error(`Cannot start nbd-prefetch: ${said}`)
    const page = await browser?.newPage()
    await page?.goto(status)
    const polls = poll(status, polling.signal)
    const client = await NbdClient.connect({ path }, { connections: 4 })
    await client.stream((chunk, offset) => consume(chunk, offset))
    await client.close()
    // An answer may be a second old: what is told next is of the same, final state.
    await settledPicture(status, Date.now())
    await delay(STALE_MS)
    const { statistics, timeMs } = await settledPicture(status, 0)
    const views = [
      viewOf('/status.json', statistics.servedBytes, statistics.fetchedBytes),
      metricsView(await (await fetch(`${status}metrics`)).text()),
    ]
    if (page !== undefined) {
      views.push(await pageView(page, timeMs))
      await page.close()
    }
    polling.abort()
    await polls
    child.kill('SIGTERM')
    await ended
    const line = JSON.parse(readFileSync(progress, 'utf8').trimEnd().split('\n').at(-1) as string)
    views.push(viewOf('--progress=json', line.servedBytes, line.fetchedBytes))
    const row = (label: string) => new RegExp(`^${label} +(.*?)  `, 'm').exec(said)?.[1] ?? ''
    views.push({ name: '--stats', served: row('served'), fetched: row('fetched') })
    return views
  } finally {
    polling.abort()
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What they disagree about, a line each; `--stats` rounds, and is held to what the others would round to. */
export function disagreements(views: readonly View[]): readonly string[] {
  const [first, ...others] = views as readonly [View, ...View[]]
  return others.flatMap(({ name, ...view }) =>
    (['served', 'fetched'] as const)
      .filter(what => view[what] !== first[what] && view[what] !== showBytes(Number(first[what])))
      .map(what => `${what}: ${first.name} ${first[what]}, ${name} ${view[what]}`),
  )
}

/** A picture of `timeMs` or later in which nobody is connected and nothing is under way. */
async function settledPicture(url: string, timeMs: number): Promise<StatusSnapshot> {
  for (const limitMs = performance.now() + SETTLE_MS; ; ) {
    const picture = (await (await fetch(`${url}status.json`)).json()) as StatusSnapshot
    const { clients, inFlight } = picture.statistics
    if (picture.timeMs >= timeMs && clients === 0 && inFlight === 0) return picture
    if (performance.now() > limitMs) throw new Error(`Cannot wait for ${inFlight} requests`)
    await delay(LOOK_MS)
  }
}

/** What the page shows, once that is of `timeMs` or later. */
async function pageView(page: Page, timeMs: number): Promise<View> {
  const body = page.locator('body')
  for (const limitMs = performance.now() + SETTLE_MS; performance.now() < limitMs; ) {
    if (Number(await body.getAttribute('data-time-ms')) >= timeMs) break
    await delay(LOOK_MS)
  }
  const shown = async (field: string) =>
    Number(
      await page.locator(`[data-field="statistics.${field}"]`).first().getAttribute('data-value'),
    )
  return viewOf('status page', await shown('servedBytes'), await shown('fetchedBytes'))
}

function metricsView(text: string): View {
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
      (all, [, value]) => all + Number(value),
      0,
    )
  const served = sum('nbd_prefetch_served_bytes_total')
  return viewOf('/metrics', served, sum('nbd_prefetch_fetched_bytes_total'))
}

function viewOf(name: string, served: number, fetched: number): View {
  return { name, served: String(served), fetched: String(fetched) }
}

/** Asks for data and metrics while the copy lasts, as a dashboard does. */
async function poll(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const path of ['status.json', 'metrics']) {
      await (await fetch(url + path)).arrayBuffer()
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => {})
  }
}
