// Small things the parts of the page build their elements with. Text is set as text alone: nothing that
// comes from a server is ever read as HTML.

import { isShow, type Show, show, valueAt } from './figures.js'

/** An element with a class and text. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = '',
  text = '',
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  if (className !== '') made.className = className
  if (text !== '') made.textContent = text
  return made
}

/**
 * The element of an id.
 *
 * @throws Error if the page has none: a defect of ours
 */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`Cannot find #${id}: the page is not whole`)
  return found
}

/** Sets text where it is another: an untouched page costs nothing to lay out. */
export function setText(of: Element, text: string): void {
  if (of.textContent !== text) of.textContent = text
}

/** Shows one value in an element, and keeps the exact one in `data-value`. */
export function setFigure(of: HTMLElement, kind: Show, value: unknown): void {
  const exact = value === null || value === undefined ? '' : String(value)
  if (of.dataset['value'] === exact) return
  of.dataset['value'] = exact
  setText(of, show(kind, value))
}

/** An element that `bind` fills. */
export function figure(path: string, kind: Show): HTMLElement {
  const made = element('span', 'figure')
  made.dataset['field'] = path
  made.dataset['show'] = kind
  return made
}

/** Fills every element below `root` that names a field of the snapshot. */
export function bind(root: ParentNode, snapshot: unknown): void {
  for (const of of root.querySelectorAll<HTMLElement>('[data-field][data-show]')) {
    const { field = '', show: kind } = of.dataset
    if (isShow(kind)) setFigure(of, kind, valueAt(snapshot, field))
  }
}
