import { readdirSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import t from 'tap'
import { claimOf } from '../../.bench/against-probe.js'
import { judgeFigure } from '../../.bench/report/claims.js'
import { headlinePlot, withHeadline } from '../../.bench/report/headline.js'
import { bestOfSweep } from '../../.bench/report/sweep.js'
import { ratioLines, resultTable } from '../../.bench/report/table.js'
import { writeReport } from '../../.bench/report/write.js'
import { cellOf, resultsOf, runOf } from '../fixtures/bench-results.js'
import { requires } from '../fixtures/requires.js'

const MiB = 1024 ** 2
const CHROMIUM = '/usr/bin/chromium'

function fullResults() {
  const timeline = [0, 100, 200, 300].map(ms => ({
    ms,
    concurrency: 4,
    outstanding: 8 * MiB,
    sent: ms * 1000,
  }))
  const cells = [
    cellOf('ours', [0.5, 0.52, 0.48], { timeline }),
    cellOf('nbdkit', [5, 5.1, 5.2]),
    cellOf('qemu-curl', [], { failures: ['it <b>hangs</b> & says so'] }),
    cellOf('aria2c', [0.4, 0.41, 0.42], {
      workload: 'download',
      labels: { peer: 'aria2c -x16 (download)', workload: 'itself' },
    }),
    cellOf('ours', [1, 1.1, 1.2], { size: 256 * MiB }),
    {
      ...cellOf('ours', [2], { workload: 'qcow2', fileBytes: 32 * MiB }),
      runs: [runOf(2, 32 * MiB)],
    },
    ...[1, 100].map(ms => cellOf('ours', [ms / 100 + 1], { profile: `latency-${ms}ms` })),
  ]
  return resultsOf(cells, { claims: judgeFigure('vcenter-convert', cells.slice(0, 4)) })
}

t.test('the page and its plots', async t => {
  const results = fullResults()
  const page = writeReport(`${t.testdir()}/run.json`, results)
  const plots = readdirSync(page.replace('.html', ''))

  t.test('every plot is a file that stands alone', async t => {
    t.match([...plots].sort(), [
      'concurrency-vcenter-qemu-img-64M.svg',
      'growth-latency.svg',
      'growth-size.svg',
      'limit-share.svg',
      'speed-latency-100ms-qemu-img-64M.svg',
      'speed-latency-1ms-qemu-img-64M.svg',
      'speed-vcenter-qcow2-64M.svg',
      'speed-vcenter-qemu-img-256M.svg',
      'speed-vcenter-qemu-img-64M.svg',
      'window-vcenter-qemu-img-64M.svg',
    ])
    for (const plot of plots) {
      const svg = readFileSync(`${page.replace('.html', '')}/${plot}`, 'utf8')
      t.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/, plot)
    }
  })

  t.test(
    'Chromium opens it without errors, and it shows what the JSON says',
    requires('chromium'),
    async t => {
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
      t.teardown(() => browser.close())
      const tab = await browser.newPage()
      const errors: string[] = []
      tab.on('pageerror', error => errors.push(error.message))
      tab.on('console', message => errors.push(message.text()))
      tab.on('requestfailed', request => errors.push(request.url()))
      const requests: string[] = []
      tab.on('request', request => requests.push(request.url()))
      await tab.goto(pathToFileURL(page).href)

      const embedded = await tab.locator('#results').textContent()
      t.same(JSON.parse(embedded ?? ''), JSON.parse(JSON.stringify(results)))
      for (const { profile, workload, peer, size, fileBytes, runs, failures } of results.cells) {
        const row = tab.locator(`tr[data-cell="${profile}/${workload}/${peer}/${size}"]`)
        const text = (await row.locator('td').allTextContents()).join('  ')
        const seconds = runs.map(run => run.seconds).sort((a, b) => a - b)[runs.length >> 1]
        if (seconds === undefined) t.match(text, `failed: ${failures[0]}`)
        else {
          t.match(text, `${seconds.toFixed(2)} s`, peer)
          const [speed = ''] = /[\d.]+(?= MB\/s)/.exec(text) ?? []
          t.ok(
            Math.abs(Number(speed) / ((fileBytes ?? size) / seconds / 1e6) - 1) < 0.01,
            `${peer}: ${speed} MB/s`,
          )
        }
      }
      t.equal(await tab.locator('figure svg').count(), plots.length)
      const bars = tab.locator('[id="speed-vcenter-qemu-img-64M"] [aria-label="bar"] rect')
      const widths = await bars.evaluateAll(all =>
        all.map(bar => Number(bar.getAttribute('width'))),
      )
      const speeds = [0.5, 5.1, 0.41].map(value => 1 / value)
      for (const [i, speed] of speeds.entries()) {
        const expected = (speed / (speeds[0] as number)) * (widths[0] as number)
        t.ok(Math.abs((widths[i] as number) - expected) < 1, `bar ${i} is as long as its speed`)
      }
      // Of two points on an axis of logarithms only the order can be told without its scale.
      for (const [plot, first, second] of [
        ['growth-size', 'lower', 'higher'],
        ['growth-latency', 'higher', 'lower'],
      ] as const) {
        const dots = await tab
          .locator(`[id="${plot}"] [aria-label="dot"] circle`)
          .evaluateAll(all => all.map(dot => Number(dot.getAttribute('cy'))))
        t.equal(dots.length, 2, plot)
        // The axis of a screen points down.
        const [y1 = 0, y2 = 0] = dots
        t.equal(y1 > y2 ? 'lower' : 'higher', first, `${plot}: the first`)
        t.equal(y1 > y2 ? 'higher' : 'lower', second, `${plot}: the second`)
      }
      const shares = await tab
        .locator('[id="limit-share"] [aria-label="text"] text')
        .allTextContents()
      t.ok(shares.includes('48 %'), `the share of the table: ${shares.join(', ')}`)
      for (const plot of ['concurrency', 'window']) {
        const line = tab.locator(`[id="${plot}-vcenter-qemu-img-64M"] [aria-label="line"] path`)
        // Four points in steps: constant, so one height.
        const path = (await line.getAttribute('d')) ?? ''
        const heights = new Set([...path.matchAll(/,([\d.]+)/g)].map(([, y]) => y))
        t.equal(heights.size, 1, `${plot}: ${path}`)
      }
      t.match(
        (await tab.locator('#claims td').allTextContents()).join('  '),
        /speed under qemu-img, × nbdkit\s+10\.2\s+≥ 20\s+missed/,
      )
      t.same(errors, [])
      t.same(requests, [pathToFileURL(page).href], 'nothing is loaded from elsewhere')
    },
  )
})

t.test('resultTable() has a row for each cell, with reasons in place of figures', async t => {
  const { cells } = fullResults()
  const skipped = cellOf('curl', [], {
    skipped: 'curl not installed (Debian: apt-get install curl)',
  })
  const lines = resultTable([...cells.slice(0, 4), skipped]).split('\n')
  t.match(lines[1], /^label of ours +qemu-img convert +134 MB\/s +0\.50 s +0\.48–0\.52 +48 %/)
  t.match(lines[3], /failed: it <b>hangs/)
  t.match(lines[5], /skipped: curl not installed/)
})

t.test('ratioLines() compares us with every peer of the same run', async t => {
  t.match(ratioLines(fullResults().cells.slice(0, 4)), [
    'label of ours, qemu-img convert: 10.2 × label of nbdkit; 0.820 × aria2c -x16 (download)',
  ])
})

t.test('judgeFigure() holds figures against their bounds', async t => {
  const claims = judgeFigure('vcenter-convert', fullResults().cells.slice(0, 4))
  t.match(claims, [
    { what: /aria2c/, holds: false, bound: '≥ 0.9, aim 1' },
    { what: /nbdkit/, holds: false },
    { what: /qemu-curl/, holds: undefined, value: undefined },
    { what: /fetched/, holds: true, value: 1 },
  ])
})

t.test('what probe recommends is held against the best of a sweep', async t => {
  const swept = (flag: string, seconds: number[]) =>
    cellOf(`ours---${flag}`, seconds, { labels: { peer: flag, workload: 'qemu-img convert' } })
  const cells = [cellOf('ours', [1, 1.1, 0.9]), swept('connections=32', [0.5, 0.6, 0.7])]
  t.same(bestOfSweep([...cells, cellOf('nbdkit', [0.1])])?.flags, ['--connections', '32'])
  t.same(bestOfSweep(cells.slice(0, 1))?.flags, [], 'our defaults may be the best')
  t.equal(bestOfSweep([cellOf('ours', [])]), undefined)
  const claim = (recommended: number) =>
    claimOf(
      [cellOf('ours-probe', [recommended]), cellOf('ours-best', [1])],
      'vcenter',
      'qemu-img',
      [],
      ['--connections', '32'],
    )
  t.match(claim(1.1), { figure: 'against-probe', holds: true, bound: '≥ 0.9' })
  t.match(claim(1.2), { holds: false, what: /\(the defaults\) .* \(--connections 32\)$/ })
  t.match(claimOf([], 'vcenter', 'qemu-img', [], []), { value: undefined, holds: undefined })
})

t.test('withHeadline() replaces what stands between the marks, and nothing else', async t => {
  const readme = 'above\n<!-- headline:start -->\nold\n<!-- headline:end -->\nbelow\n'
  const results = fullResults()
  const written = withHeadline(readme, { ...results, cells: results.cells.slice(0, 4) })
  t.match(written, /^above\n.*below\n$/s)
  t.notMatch(written, /old/)
  t.match(written, '| **label of ours** | **134 MB/s, 10 × nbdkit** |')
  t.match(written, /Measured on 2030-01-02 on\n2 × test/)
  t.equal(withHeadline(written, { ...results, cells: results.cells.slice(0, 4) }), written)
  t.throws(() => withHeadline('no marks', results), /Cannot write the headline/)
  t.match(headlinePlot(results), /^<svg /)
})
