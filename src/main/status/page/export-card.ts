// One image on the page: its name, how far it is, its map, its streams.

import type { ExportStatus, StatusSnapshot, StreamStatus } from '../snapshot.js'
import { showShare } from '../units.js'
import { CellMap } from './cell-map.js'
import { IMAGE_STATES, imageCellWords, imageWords } from './cells.js'
import { bind, element, figure, setText } from './dom.js'
import { LiveTable } from './table.js'

export class ExportCard {
  readonly #index: number
  readonly #card = element('article', 'card')
  readonly #name = element('h3')
  readonly #share = element('span', 'share')
  readonly #broken = element('p', 'broken')
  readonly #map: CellMap
  readonly #streams: LiveTable

  /** @param index of the export in a snapshot */
  constructor(host: HTMLElement, index: number) {
    this.#index = index
    const path = `exports.${index}`
    const head = element('header')
    head.append(this.#name, this.#share)
    const source = figure(`${path}.source`, 'text')
    source.classList.add('source')
    this.#broken.hidden = true
    this.#card.append(head, source, this.#broken, factsOf(path))
    this.#map = new CellMap(this.#card, `${path}.map.cells`, {
      label: 'Map of the image from its start to its end',
      states: IMAGE_STATES,
      counts: {
        s: `${path}.map.served`,
        r: `${path}.map.inRing`,
        f: `${path}.map.inFlight`,
        a: `${path}.map.ahead`,
        z: `${path}.map.zero`,
      },
    })
    const streams = element('div', 'streams')
    streams.append(element('h4', '', 'Streams'))
    this.#streams = new LiveTable(streams, {
      path: `${path}.streams`,
      caption: 'Sequential readers and how far ahead of each is fetched',
      empty: 'No sequential reader at the moment.',
      columns: [
        { title: 'stream', field: 'id', show: 'count' },
        { title: 'client', field: 'connection', show: 'count' },
        { title: 'reads at', field: 'cursor', show: 'place' },
        { title: 'asked up to', field: 'frontier', show: 'place' },
        { title: 'window', field: 'window', show: 'bytes' },
        { title: 'pace', field: 'rate', show: 'rate' },
        { title: 'waiting', field: 'stalledReads', show: 'count' },
        { title: 'state', words: streamState },
      ],
    })
    this.#card.append(streams)
    host.append(this.#card)
  }

  update(snapshot: StatusSnapshot): void {
    const status = snapshot.exports[this.#index]
    if (status === undefined) return
    const { name, map, broken, imageBytes, coveredBytes } = status
    setText(this.#name, name === '' ? 'Image (no name)' : name)
    setText(this.#share, showShare(imageBytes === 0 ? 1 : coveredBytes / imageBytes))
    this.#broken.hidden = broken === ''
    setText(this.#broken, broken)
    this.#map.update({
      cells: map.cells,
      summary: summaryOf(status),
      wordsOf: index => imageCellWords(map, index, imageBytes),
    })
    this.#streams.update(snapshot)
    bind(this.#card, snapshot)
  }

  /** With the colours of now. */
  redraw(): void {
    this.#map.draw()
  }
}

function summaryOf({ map, kind }: ExportStatus): string {
  const words = `${imageWords(map)}.`
  return kind === 'spool' ? `${words} Downloaded once into a temporary file.` : words
}

function factsOf(path: string): HTMLElement {
  const list = element('dl', 'facts')
  const facts = [
    ['size', `${path}.imageBytes`, 'bytes'],
    ['served or zero', `${path}.coveredBytes`, 'bytes'],
    ['sent to clients', `${path}.servedBytes`, 'bytes'],
    ['reads', `${path}.reads`, 'count'],
    ['under way', `${path}.runningReads`, 'count'],
    ['failed', `${path}.failedReads`, 'count'],
    ['stalled', `${path}.stallSeconds`, 'wholeSeconds'],
  ] as const
  for (const [title, field, show] of facts) {
    const fact = element('div')
    const value = element('dd')
    value.append(figure(field, show))
    fact.append(element('dt', '', title), value)
    list.append(fact)
  }
  return list
}

function streamState({ confirmed, stalledReads, idleSeconds }: StreamStatus): string {
  if (!confirmed) return 'not sure yet'
  if (stalledReads > 0) return 'waits'
  return idleSeconds >= 2 ? `idle ${Math.round(idleSeconds)} s` : 'runs'
}
