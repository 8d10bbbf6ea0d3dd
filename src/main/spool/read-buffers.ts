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

/** Memory for reads that must be handed out as a whole, over all connections. */
export class WholeReads {
  readonly #limit: number
  readonly #line: { readonly bytes: number; readonly granted: Granted }[] = []
  #used = 0
  #serving = false

  /** @param limit bytes in use at a time; one read may always run, however large */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Calls back with a buffer of `bytes` bytes, at once if there is room and nobody waits. */
  take(bytes: number, granted: Granted): void {
    this.#line.push({ bytes, granted })
    this.#serve()
  }

  give(buffer: Buffer): void {
    this.#used -= buffer.length
    this.#serve()
  }

  #serve(): void {
    if (this.#serving) return
    this.#serving = true
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      if (this.#used > 0 && this.#used + first.bytes > this.#limit) break
      this.#line.shift()
      this.#used += first.bytes
      first.granted(Buffer.allocUnsafeSlow(first.bytes))
    }
    this.#serving = false
  }
}
