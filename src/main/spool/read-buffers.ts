// Private memory that reads of a file are answered from, bounded: whoever finds none waits in line.

/** Bytes of one buffer: what a read is handed out in. */
export const BUFFER_BYTES = 256 * 1024

/** Takes a buffer that is free; to be given back exactly once. */
export type Granted = (buffer: Buffer) => void

/** Buffers of one connection. */
export class ReadBuffers {
  readonly #free: Buffer[] = []
  readonly #line: Granted[] = []
  #unmade: number
  #serving = false

  /** @param count buffers there may be, at least 1 */
  constructor(count: number) {
    this.#unmade = count
  }

  /** Calls back with a buffer of BUFFER_BYTES bytes, at once if one is free and nobody waits. */
  take(granted: Granted): void {
    this.#line.push(granted)
    this.#serve()
  }

  /** Hands a buffer on to whoever is next. */
  give(buffer: Buffer): void {
    this.#free.push(buffer)
    this.#serve()
  }

  #serve(): void {
    // One by one instead of each from within the one before: of thousands in line all may have gone.
    if (this.#serving) return
    this.#serving = true
    while (this.#line.length > 0) {
      const buffer = this.#free.pop() ?? this.#make()
      if (buffer === undefined) break
      this.#line.shift()?.(buffer)
    }
    this.#serving = false
  }

  #make(): Buffer | undefined {
    if (this.#unmade === 0) return undefined
    this.#unmade--
    return Buffer.allocUnsafeSlow(BUFFER_BYTES)
  }
}
