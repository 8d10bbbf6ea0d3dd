// An export for hostile clients: bytes that are a function of their offset, with holes; answers now or
// later, in pieces, fails now and then; and counts what is handed out and not given back.

import type { Export, ReadHandle, ReadRequest, ReadSink } from '../../dist/main/export.js'
import type { ExportInfo, StatusExtent } from '../../dist/main/nbd/messages.js'
import { zeroViews } from '../../dist/main/zero-views.js'

const KIB = 1024
/** Reads that touch this one fail: nobody sound reads there. */
const BAD_BYTE = 777 * KIB
/** Every fourth stretch of this length is zero. */
const STRETCH = 64 * KIB
const PIECE = 24 * KIB

export const EXPORT_BYTES = 1024 * KIB

/** The image, compared with by whoever has read from it. */
export const IMAGE = Buffer.from(new SharedArrayBuffer(EXPORT_BYTES))
for (let at = 0; at < EXPORT_BYTES; at++) {
  IMAGE[at] = isHole(at) ? 0 : (Math.imul(at + 1, 0x9e3779b1) >>> 24) | 1
}

function isHole(offset: number): boolean {
  return Math.floor(offset / STRETCH) % 4 === 3
}

function stretchEnd(offset: number): number {
  return Math.min(EXPORT_BYTES, (Math.floor(offset / STRETCH) + 1) * STRETCH)
}

/** One export; `random` decides when it answers. */
export class PatternExport implements Export {
  readonly info: ExportInfo
  /** Pieces handed out and not given back. */
  pins = 0
  /** Connections that have it open. */
  open = 0
  /** Connections that have ever had. */
  opened = 0
  readonly #random: () => number

  constructor(name: string, random: () => number) {
    this.info = {
      name,
      description: 'a pattern',
      size: EXPORT_BYTES,
      blockSizes: { minimum: 1, preferred: 4096, maximum: 32 * KIB * KIB },
    }
    this.#random = random
  }

  read(request: ReadRequest, sink: ReadSink): ReadHandle {
    let cancelled = false
    const answer = () => {
      if (!cancelled) this.#answer(request, sink, () => cancelled)
    }
    if (this.#random() < 0.5) answer()
    else setImmediate(answer)
    return {
      cancel: () => {
        cancelled = true
      },
    }
  }

  cache(): void {}

  blockStatus(offset: number, length: number): readonly StatusExtent[] {
    const extents: StatusExtent[] = []
    for (let at = offset; at < offset + length; ) {
      const end = Math.min(offset + length, stretchEnd(at))
      extents.push({ length: end - at, flags: isHole(at) ? 3 : 0 })
      at = end
    }
    return extents
  }

  connectionOpened(): void {
    this.open++
    this.opened++
  }

  connectionClosed(): void {
    this.open--
  }

  #answer({ offset, length, whole }: ReadRequest, sink: ReadSink, over: () => boolean): void {
    const end = offset + length
    const failing = offset <= BAD_BYTE && BAD_BYTE < end
    for (let at = offset; at < end && !over(); ) {
      const stop = whole ? end : Math.min(end, stretchEnd(at), at + PIECE)
      if (failing && stop > BAD_BYTE) {
        sink.fail({ code: 'status', message: '503 after 8 attempts' }, BAD_BYTE)
        return
      }
      if (isHole(at) && !whole) sink.hole(at, stop - at)
      else sink.data(at, this.#views(at, stop), this.#lease())
      at = stop
    }
    if (!over()) sink.end()
  }

  #views(start: number, end: number): readonly Uint8Array[] {
    const middle = start + ((end - start) >> 1)
    const views = [IMAGE.subarray(start, middle), IMAGE.subarray(middle, end)]
    return isHole(start) && end <= stretchEnd(start) ? zeroViews(end - start) : views
  }

  #lease(): () => void {
    let released = false
    this.pins++
    return () => {
      if (released) throw new Error('Cannot release a piece: it was released before')
      released = true
      this.pins--
    }
  }
}
