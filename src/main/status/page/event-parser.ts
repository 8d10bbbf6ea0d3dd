// Server-sent events out of text that arrives in pieces of any size. The browser's own EventSource
// can't send a token. Pure: no socket.

/** One event. */
export interface ServerEvent {
  /** 'message' where the server gave it no name. */
  readonly type: string
  readonly data: string
}

/** Longest event that is gathered, characters: a server that never ends one is not ours. */
const MAX_EVENT = 4 * 1024 * 1024

/** Keeps what has come of an event that is not over. */
export class EventParser {
  #rest = ''
  #type = ''
  #data: string[] = []
  #size = 0

  /**
   * The events that are whole with this piece.
   *
   * @throws RangeError if one grows beyond all bounds
   */
  take(piece: string): ServerEvent[] {
    const text = this.#rest + piece
    // A line that grows piece by piece is looked at once, when its end has come.
    const ends = /[\r\n]/.test(piece) || this.#rest.endsWith('\r')
    // A CR at the very end may be half of a CR LF.
    const lines = ends ? text.split(/\r\n|\n|\r(?!$)/) : [text]
    this.#rest = lines.pop() as string
    const events: ServerEvent[] = []
    for (const line of lines) {
      if (line === '') this.#end(events)
      else this.#field(line)
    }
    if (this.#size + this.#rest.length > MAX_EVENT) {
      throw new RangeError('Cannot follow the events: one of them does not end')
    }
    return events
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') this.#type = value
    if (name !== 'data') return
    this.#data.push(value)
    this.#size += value.length
  }

  #end(events: ServerEvent[]): void {
    if (this.#data.length > 0) {
      events.push({ type: this.#type || 'message', data: this.#data.join('\n') })
    }
    this.#type = ''
    this.#data = []
    this.#size = 0
  }
}
