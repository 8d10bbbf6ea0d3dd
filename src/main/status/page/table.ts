// A table of a list of the snapshot: a row for each entry, kept from one picture to the next, so that
// nothing flickers and a selection stays.

import { element, figure, setText } from './dom.js'
import { type Show, valueAt } from './figures.js'

/** One column. */
export interface Column {
  readonly title: string
  /** Field of an entry, shown as it is. */
  readonly field?: string
  /** How; 'text' columns stand left, all others right. */
  readonly show?: Show
  /** Or text made of the entry. */
  readonly words?: (entry: never) => string
}

export interface TableOptions {
  /** Where the list lies in a snapshot: 'clients'. */
  readonly path: string
  readonly caption: string
  readonly columns: readonly Column[]
  /** Said instead of rows. */
  readonly empty: string
  /** The latest entry on top. */
  readonly reversed?: boolean
}

export class LiveTable {
  readonly #options: TableOptions
  readonly #body = element('tbody')
  readonly #empty: HTMLElement

  constructor(host: HTMLElement, options: TableOptions) {
    this.#options = options
    const scroll = element('div', 'scroll')
    // What can be scrolled must be reached by keyboard, and say what it is.
    scroll.tabIndex = 0
    scroll.setAttribute('role', 'group')
    scroll.setAttribute('aria-label', options.caption)
    const table = element('table')
    table.append(element('caption', 'unseen', options.caption))
    const head = element('tr')
    for (const column of options.columns) {
      const cell = element('th', alignment(column), column.title)
      cell.scope = 'col'
      head.append(cell)
    }
    const top = element('thead')
    top.append(head)
    table.append(top, this.#body)
    this.#empty = element('p', 'empty', options.empty)
    scroll.append(table, this.#empty)
    host.append(scroll)
  }

  /** Makes the rows fit the list. Figures are filled in by `bind`. */
  update(snapshot: unknown): void {
    const { path, columns, reversed = false } = this.#options
    const list = valueAt(snapshot, path)
    const entries: readonly unknown[] = Array.isArray(list) ? list : []
    const rows = this.#body.rows
    if (rows.length !== entries.length) {
      this.#body.replaceChildren()
      for (const index of entries.keys()) {
        const row = this.#rowOf(index)
        if (reversed) this.#body.prepend(row)
        else this.#body.append(row)
      }
    }
    for (const [index, entry] of entries.entries()) {
      const row = rows[reversed ? entries.length - 1 - index : index] as HTMLTableRowElement
      for (const [i, { words }] of columns.entries()) {
        if (words !== undefined) setText(row.cells[i] as HTMLElement, words(entry as never))
      }
    }
    this.#empty.hidden = entries.length > 0
  }

  #rowOf(index: number): HTMLTableRowElement {
    const { path, columns } = this.#options
    const row = element('tr')
    for (const column of columns) {
      const cell = element('td', alignment(column))
      if (column.field !== undefined) {
        cell.append(figure(`${path}.${index}.${column.field}`, column.show ?? 'text'))
      }
      row.append(cell)
    }
    return row
  }
}

function alignment({ show = 'text' }: Column): string {
  return show === 'text' ? 'words' : 'number'
}
