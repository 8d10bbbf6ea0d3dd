// The status page's entry: follows the server's events, and shows each picture unless it is paused.

import type { StatusSnapshot } from '../snapshot.js'
import { showBytes, showCount, showShare } from '../units.js'
import { advise, remedyParts } from './advice.js'
import { CellMap } from './cell-map.js'
import { RING_STATES, ringCellWords, ringWords } from './cells.js'
import { bind, byId, element, setText } from './dom.js'
import { ExportCard } from './export-card.js'
import { Feed, type FeedState } from './feed.js'
import { FeedLine } from './feed-line.js'
import { Lists } from './lists.js'
import { Plots } from './plots.js'
import { announcement, headline, type Level, shareOf } from './words.js'

const SIGNS: Readonly<Record<Level, string>> = {
  good: '✓',
  done: '✓',
  idle: '○',
  warn: '!',
  bad: '✕',
}

/** Everything between the bar and the page's end. */
class StatusPage {
  readonly #lists = new Lists()
  readonly #plots = new Plots()
  readonly #exports: ExportCard[] = []
  readonly #ring = new CellMap(byId('ring'), 'ring.cells', {
    label: 'Map of the ring',
    states: RING_STATES,
    counts: {
      u: 'ring.unread',
      f: 'ring.filling',
      p: 'ring.pinned',
      r: 'ring.read',
      x: 'ring.failed',
      '.': 'ring.free',
    },
  })

  show(snapshot: StatusSnapshot): void {
    // Hidden parts have no width: shown first.
    byId('content').hidden = false
    this.#headline(snapshot)
    this.#advice(snapshot)
    while (this.#exports.length < snapshot.exports.length) {
      this.#exports.push(new ExportCard(byId('exports'), this.#exports.length))
    }
    for (const card of this.#exports) card.update(snapshot)
    const more = snapshot.exportCount - snapshot.exports.length
    byId('more-exports').hidden = more <= 0
    setText(byId('more-exports'), `${showCount(more)} more images are served and not shown here.`)
    const { ring } = snapshot
    this.#ring.update({
      cells: ring.cells,
      summary: ringWords(ring),
      wordsOf: index => ringCellWords(ring.cells, index, ring.slots),
    })
    this.#plots.update(snapshot)
    this.#lists.update(snapshot)
    bind(document, snapshot)
    // For whoever compares the page with what the server said.
    document.body.dataset['timeMs'] = String(snapshot.timeMs)
  }

  /** Nothing is known any more: what is shown is of before. */
  lose(): void {
    byId('headline').dataset['level'] = 'idle'
    setText(byId('verdict-sign'), '?')
    setText(byId('verdict'), 'Not known')
    document.title = 'Connection lost · nbd-prefetch'
  }

  /** With the colours of now. */
  redraw(): void {
    this.#plots.redraw()
    this.#ring.draw()
    for (const card of this.#exports) card.redraw()
  }

  #headline(snapshot: StatusSnapshot): void {
    const { level, verdict, progress, side } = headline(snapshot)
    byId('headline').dataset['level'] = level
    setText(byId('verdict-sign'), SIGNS[level])
    setText(byId('verdict'), verdict)
    setText(byId('progress-words'), progress)
    setText(byId('side-words'), side)
    for (const of of document.querySelectorAll<HTMLElement>('[data-side]')) {
      of.setAttribute('aria-current', String(of.dataset['side'] === snapshot.limitedBy))
    }
    const share = shareOf(snapshot)
    ;(byId('progress') as HTMLProgressElement).value = share
    document.title = `${showShare(share)} · ${verdict} · ${showBytes(snapshot.rate.served)}/s`
    setText(byId('announcer'), announcement(snapshot))
  }

  #advice(snapshot: StatusSnapshot): void {
    const list = byId('advice-list')
    const all = advise(snapshot)
    const shown = all.length > 0 ? all : [{ symptom: 'Nothing.', remedy: '' }]
    const said = JSON.stringify(shown)
    if (list.dataset['said'] === said) return
    list.dataset['said'] = said
    list.replaceChildren(
      ...shown.map(({ symptom, remedy }) => {
        const item = element('li')
        item.append(element('strong', '', symptom), ' ')
        for (const [i, part] of remedyParts(remedy).entries()) {
          item.append(i % 2 === 0 ? part : element('code', '', part))
        }
        return item
      }),
    )
  }
}

const page = new StatusPage()
const line = new FeedLine()
let latest: StatusSnapshot | undefined

const feed = new Feed('events', {
  snapshot(snapshot) {
    latest = snapshot
    line.received()
    if (!line.paused) page.show(snapshot)
  },
  state(state: FeedState) {
    line.state(state)
    if (state === 'lost') page.lose()
    askForToken(state)
  },
})

line.onResume = () => {
  if (latest !== undefined) page.show(latest)
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => page.redraw())

const login = byId('login') as HTMLFormElement
const token = byId('token') as HTMLInputElement
let asked = false
login.addEventListener('submit', event => {
  event.preventDefault()
  asked = true
  setText(byId('login-error'), '')
  feed.start(token.value)
})

function askForToken(state: FeedState): void {
  if (state === 'live') {
    login.hidden = true
    token.value = ''
  }
  if (state !== 'refused') return
  login.hidden = false
  setText(byId('login-error'), asked ? 'The server refused this token.' : '')
  token.focus()
}

feed.start()
