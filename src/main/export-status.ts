// One export as the status page shows it: its figures, its map, its streams. Made on demand; what it walks
// is bounded by the ring, never by the image.

import { ImageExport } from './image-export.js'
import { BITMAP_CELLS, cellOf } from './prefetch/block-bitmap.js'
import { cursorOf, rateOf, type Stream } from './prefetch/streams.js'
import type { SharedRing } from './shared-ring.js'
import type { SpoolExport } from './spool-export.js'
import { type CellCounts, drawImage, RingDrawing } from './status/image-map.js'
import type {
  ExportStatus,
  ImageMap,
  RequestStatus,
  RingStatus,
  StreamStatus,
} from './status/snapshot.js'

/** What an export has in the ring, told of one slot after the other. */
class RingPart {
  readonly firstBlock: number
  readonly blocks: number
  readonly waiting: Uint32Array
  readonly inFlight: Uint32Array
  readonly #isCovered: (block: number) => boolean
  slots = 0
  slotsInFlight = 0

  constructor(image: ImageExport) {
    this.firstBlock = image.view.firstBlock
    this.blocks = image.blocks
    this.#isCovered = block => image.meter.isCovered(block)
    const cells = image.meter.coveredCells.length
    this.waiting = new Uint32Array(cells)
    this.inFlight = new Uint32Array(cells)
  }

  add(block: number, coming: boolean): void {
    const cell = cellOf(block, this.blocks, this.waiting.length)
    if (coming) {
      this.slotsInFlight++
      this.inFlight[cell] = (this.inFlight[cell] as number) + 1
    } else {
      this.slots++
      if (!this.#isCovered(block)) this.waiting[cell] = (this.waiting[cell] as number) + 1
    }
  }
}

/** The ring, and what each image has in it. Walks all slots once. */
export class RingPicture {
  readonly ring: RingStatus
  readonly #parts: readonly { readonly image: ImageExport; readonly part: RingPart }[]

  constructor({ memory, table }: SharedRing, images: readonly (ImageExport | SpoolExport)[]) {
    this.#parts = images
      .filter(image => image instanceof ImageExport)
      .map(image => ({ image, part: new RingPart(image) }))
    const { slotCount, slotBytes } = memory
    const cells = Math.min(BITMAP_CELLS, slotCount)
    const drawing = new RingDrawing(cells)
    for (let slot = 0; slot < slotCount; slot++) {
      const use = table.useOf(slot)
      drawing.add(use, cellOf(slot, slotCount, cells))
      if (use !== 'free') this.#note(table.blockOf(slot), use === 'filling' || use === 'failed')
    }
    this.ring = { slotBytes, slots: slotCount, ...drawing.counts, cells: drawing.cells }
  }

  /** What the image has in it; undefined for one that does not use it. */
  partOf(image: ImageExport | SpoolExport): RingPart | undefined {
    return this.#parts.find(one => one.image === image)?.part
  }

  #note(block: number, coming: boolean): void {
    const found = this.#parts.find(({ part }) => {
      return block >= part.firstBlock && block < part.firstBlock + part.blocks
    })
    found?.part.add(block - found.part.firstBlock, coming)
  }
}

/** What differs by the kind of export. */
type Drawn = Pick<ExportStatus, 'kind' | 'broken' | 'map' | 'streams'>

/** Map and streams of an image. */
export function drawnExport(
  image: ImageExport | SpoolExport,
  ring: RingPicture,
  nowMs: number,
): Drawn {
  if (!(image instanceof ImageExport)) return drawnSpool(image)
  const { planner, fetcher } = image.view
  const part = ring.partOf(image) as RingPart
  return {
    kind: 'ring',
    broken: fetcher.poison?.message ?? '',
    map: ringMap(image, part, nowMs),
    streams: planner.streams.map(stream =>
      streamStatus(stream, stream.confirmed ? planner.reachOf(stream, nowMs) : 0, nowMs),
    ),
  }
}

function ringMap(image: ImageExport, part: RingPart, nowMs: number): ImageMap {
  const { meter, blockBytes, blocks } = image
  const { zeroes, slots, planner } = image.view
  const ahead = new Uint32Array(part.waiting.length)
  let aheadBlocks = 0
  for (const stream of planner.streams) {
    if (!stream.confirmed) continue
    const cursor = cursorOf(stream)
    const end = Math.min(image.info.size, cursor + planner.reachOf(stream, nowMs))
    const last = Math.ceil(end / blockBytes)
    for (
      let block = Math.floor(Math.max(cursor, stream.frontier) / blockBytes);
      block < last;
      block++
    ) {
      const fetched = slots.coveredUntil(block, 0) > 0
      if (fetched || (meter.isCovered(block) && !stream.again)) continue
      const cell = cellOf(block, blocks, ahead.length)
      ahead[cell] = (ahead[cell] as number) + 1
      aheadBlocks++
    }
  }
  const counts: CellCounts = {
    covered: meter.coveredCells,
    zero: zeroes.cells,
    waiting: part.waiting,
    inFlight: part.inFlight,
    ahead,
  }
  return {
    cells: drawImage(blocks, counts),
    blockBytes,
    blocks,
    served: meter.coveredBlocks,
    inRing: part.slots,
    inFlight: part.slotsInFlight,
    ahead: aheadBlocks,
    zero: zeroes.count,
  }
}

function streamStatus(stream: Stream, window: number, nowMs: number): StreamStatus {
  return {
    id: stream.id,
    connection: stream.connection,
    cursor: cursorOf(stream),
    frontier: stream.frontier,
    window: Math.round(window),
    confirmed: stream.confirmed,
    rate: Math.round(rateOf(stream, nowMs)),
    stalledReads: stream.stalledReads,
    idleSeconds: (nowMs - stream.lastReadMs) / 1000,
  }
}

function drawnSpool(image: SpoolExport): Drawn {
  const { download, meter, blocks, blockBytes } = image
  const { watermark } = download.arrivals
  const arrived = Math.min(blocks, Math.floor(watermark / blockBytes))
  const whole = watermark >= image.info.size
  const covered = meter.coveredCells
  const cells = covered.length
  const waiting = new Uint32Array(cells)
  const inFlight = new Uint32Array(cells)
  for (let cell = 0; cell < cells; cell++) {
    const start = Math.floor((cell * blocks) / cells)
    const end = Math.floor(((cell + 1) * blocks) / cells)
    const here = (whole ? blocks : Math.min(end, arrived)) - start
    waiting[cell] = Math.max(0, Math.min(here, end - start) - (covered[cell] as number))
  }
  const broken = download.poison?.message ?? ''
  const coming = !whole && broken === '' && cells > 0
  if (coming) inFlight[cellOf(arrived, blocks, cells)] = 1
  const counts = {
    covered,
    zero: download.zeroCells,
    waiting,
    inFlight,
    ahead: new Uint32Array(cells),
  }
  return {
    kind: 'spool',
    broken,
    map: {
      cells: drawImage(blocks, counts),
      blockBytes,
      blocks,
      served: meter.coveredBlocks,
      inRing: whole ? blocks : arrived,
      inFlight: coming ? 1 : 0,
      ahead: 0,
      zero: download.zeroBlocks,
    },
    streams: [],
  }
}

/** Requests under way for an image, in the order in which they were sent. */
export function requestStatuses(image: ImageExport | SpoolExport, nowMs: number): RequestStatus[] {
  if (!(image instanceof ImageExport)) return []
  const { fetcher } = image.view
  return [...fetcher.running].map(span => ({
    export: image.info.name,
    span: span.id,
    attempt: span.requests,
    offset: span.sentAt,
    length: span.end - span.sentAt,
    receivedBytes: span.position() - span.sentAt,
    answered: span.answered,
    waitedFor: fetcher.isWaitedFor(span),
    seconds: (nowMs - span.sentMs) / 1000,
  }))
}
