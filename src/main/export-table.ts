// The exports of one server by name: what LIST shows and what a client gets when it asks for one.

import type { Export } from './export.js'
import type { ExportDirectory, ExportInfo } from './nbd/messages.js'

/** Fixed when the server starts. */
export class ExportTable implements ExportDirectory {
  readonly #exports = new Map<string, Export>()

  /** @throws RangeError if two have the same name, or none is given */
  constructor(exports: Iterable<Export>) {
    for (const entry of exports) {
      const { name } = entry.info
      if (this.#exports.has(name)) {
        throw new RangeError(`Cannot serve two exports: both are called '${name}'`)
      }
      this.#exports.set(name, entry)
    }
    if (this.#exports.size === 0) throw new RangeError('Cannot serve: there is no export')
  }

  list(): readonly ExportInfo[] {
    return [...this.#exports.values()].map(({ info }) => info)
  }

  /** The empty name finds the export called so, else the only one there is. */
  find(name: string): ExportInfo | undefined {
    return this.#find(name)?.info
  }

  /**
   * The export behind an answer of `find()`.
   * @throws RangeError if the table has none of this name
   */
  get(info: ExportInfo): Export {
    const found = this.#exports.get(info.name)
    if (found === undefined) throw new RangeError(`Cannot open '${info.name}': no such export`)
    return found
  }

  /** True if every export can tell block status. */
  get allocation(): boolean {
    return [...this.#exports.values()].every(entry => entry.blockStatus !== undefined)
  }

  #find(name: string): Export | undefined {
    const found = this.#exports.get(name)
    if (found !== undefined || name !== '' || this.#exports.size > 1) return found
    const [only] = this.#exports.values()
    return only
  }
}
