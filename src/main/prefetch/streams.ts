// Recognises sequential readers in the request pattern: a table of cursors, keyed by offset first
// and connection second, matched by a band around the expected next offset rather than equality.
// nbdcopy interleaves four such readers, each with a jump every 128 MiB; one cursor would lose 75 %
// of its reads, a table of 8 or more loses only the true jumps (replayed traces).

const KiB = 1024
const MiB = 1024 * KiB

/** Entries of the table: four nbdcopy streams, metadata readers and leftovers, with room to spare. */
export const MAX_STREAMS = 16
/**
 * Gap that still continues a stream nobody has confirmed: one qcow2 cluster. Wider, and random
 * reads of a small image would confirm each other.
 */
const TRIAL_BAND = 64 * KiB
/** Bounds of the forward band of a confirmed stream (Mountpoint takes 16 MiB, gcsfuse 8 MiB). */
const MIN_FORWARD = 2 * MiB
const MAX_FORWARD = 16 * MiB
/** Backward band of a confirmed stream: reads that were overtaken on their way. */
const BACKWARD = 1 * MiB
/** A read this long needs one successor to show a sequence; shorter ones need two. */
const LONG_READ = 64 * KiB
/** A first read of offset 0 this long is a copy: no prober reads that much. */
const COPY_FROM_START = 256 * KiB

/** What a stream counts as having read that is a copy of the whole image from its first read on. */
const WHOLE_COPY = 64 * MiB

/** One sequential reader. Fields are changed by the table and the planner only. */
export interface Stream {
  readonly id: number
  /** End of the furthest read: where the next one is expected. */
  next: number
  /** Bytes below `next` that its reads have asked for and hold no place in the ring for yet. */
  waitingBytes: number
  /** Connection of its latest read. */
  connection: number
  /** Reads that continued it. */
  hits: number
  /** True once a sequence has shown: from then on its window is kept filled. */
  confirmed: boolean
  /**
   * True while it reads what was served before, as a second copy does: then that is fetched ahead
   * too. Else what was served is another reader's, and is not fetched again.
   */
  again: boolean
  /** Time of its latest read, milliseconds. */
  lastReadMs: number
  /** How many bytes ahead of `next` are to be requested; 0 until confirmed. */
  windowBytes: number
  /** Time of the latest growth of the window, milliseconds. */
  grownMs: number
  /** Everything below has been requested, up to where the window reached. */
  frontier: number
  /** Size of its next request while it ramps up, bytes. */
  rampBytes: number
  /** Bytes read in sequence so far: what it has shown of itself. */
  runBytes: number
  /** Bytes handed out to it. */
  servedBytes: number
  /** Reads that wait for bytes. */
  stalledReads: number
  /** Since when they have, without a break; its first read before there was any. Milliseconds. */
  waitingMs: number
  /** Time of the latest wait, or of its first read, milliseconds. */
  stalledMs: number
  /** Bytes read lately, older ones fading: see `rateOf()`. */
  recentBytes: number
}

/** Time over which a stream's rate is averaged, milliseconds. */
const RATE_MS = 1000

/** Rate at which the stream is read, bytes per second. */
export function rateOf(stream: Stream, nowMs: number): number {
  const faded = Math.exp((stream.lastReadMs - nowMs) / RATE_MS)
  return ((stream.recentBytes * faded) / RATE_MS) * 1000
}

/** The first byte that the stream has not got a place in the ring for: its window begins here. */
export function cursorOf(stream: Stream): number {
  return stream.next - stream.waitingBytes
}

/** A stream of which nothing has shown yet; its first read begins at `offset`. */
function newStream(id: number, connection: number, offset: number, nowMs: number): Stream {
  return {
    id,
    next: offset,
    waitingBytes: 0,
    connection,
    hits: 0,
    confirmed: false,
    again: false,
    lastReadMs: nowMs,
    windowBytes: 0,
    grownMs: Number.NEGATIVE_INFINITY,
    frontier: offset,
    rampBytes: 0,
    runBytes: 0,
    servedBytes: 0,
    stalledReads: 0,
    waitingMs: nowMs,
    stalledMs: nowMs,
    recentBytes: 0,
  }
}

/** A read that is known to belong to no sequence: its stream is in no table and never confirmed. */
export function strayRead(
  connection: number,
  offset: number,
  length: number,
  nowMs: number,
): Stream {
  return { ...newStream(0, connection, offset, nowMs), next: offset + length }
}

/** True if a read there lies in the band in which it continues the stream. */
function continues(stream: Stream, offset: number, length: number): boolean {
  const gap = offset - stream.next
  // What was fetched ahead for it is its own however far it jumps: over zeroes, for example.
  const forward = stream.confirmed
    ? Math.max(
        MIN_FORWARD,
        Math.min(stream.windowBytes, MAX_FORWARD),
        stream.frontier - stream.next,
      )
    : TRIAL_BAND
  // A read that straddles `next` continues the stream as much as one that begins at it.
  const backward = stream.confirmed ? Math.max(BACKWARD, length) : Math.min(TRIAL_BAND, length)
  return gap <= forward && gap >= -backward
}

/** The table of streams. Pure: time comes as an argument. */
export class StreamTable {
  readonly #streams: Stream[] = []
  readonly #ended: (stream: Stream) => void
  #lastId = 0

  /** @param ended told of each stream that is forgotten */
  constructor(ended: (stream: Stream) => void = () => {}) {
    this.#ended = ended
  }

  /** All streams, in no order. */
  get all(): readonly Stream[] {
    return this.#streams
  }

  /**
   * Notes a read and returns the stream it belongs to: a known one that it continues, else a new
   * one, which may take the place of the least useful.
   */
  observe(connection: number, offset: number, length: number, nowMs: number): Stream {
    const end = offset + length
    const known = this.#match(connection, offset, length)
    if (known !== undefined) {
      known.recentBytes =
        known.recentBytes * Math.exp((known.lastReadMs - nowMs) / RATE_MS) + length
      if (end > known.next) {
        known.runBytes += Math.min(length, end - known.next)
        known.next = end
        known.hits++
        if (!known.confirmed) known.confirmed = known.hits >= (length >= LONG_READ ? 1 : 2)
      }
      known.connection = connection
      known.lastReadMs = nowMs
      return known
    }
    const copies = offset === 0 && length >= COPY_FROM_START
    const fresh = this.#add(connection, offset, nowMs)
    fresh.next = end
    fresh.confirmed = copies
    fresh.runBytes = copies ? WHOLE_COPY : length
    fresh.recentBytes = length
    return fresh
  }

  /**
   * The connection is going to read on from here, and much: a stream that needs no proof. qemu-img
   * asks once more behind each run of zeroes: that is no second reader.
   */
  announce(connection: number, offset: number, nowMs: number): Stream {
    const known =
      this.#streams.find(stream => stream.next === offset) ??
      this.#streams.find(
        stream =>
          stream.connection === connection && stream.confirmed && continues(stream, offset, 0),
      )
    const stream = known ?? this.#add(connection, offset, nowMs)
    stream.connection = connection
    stream.confirmed = true
    stream.runBytes = Math.max(stream.runBytes, WHOLE_COPY)
    stream.lastReadMs = nowMs
    return stream
  }

  /** Forgets the streams whose latest read came over this connection. */
  connectionClosed(connection: number): void {
    for (const stream of this.#streams.filter(s => s.connection === connection)) this.#drop(stream)
  }

  /** Forgets streams without a read since `sinceMs`, unless they wait for bytes. */
  expire(sinceMs: number): void {
    const idle = this.#streams.filter(s => s.stalledReads === 0 && s.lastReadMs < sinceMs)
    for (const stream of idle) this.#drop(stream)
  }

  #add(connection: number, offset: number, nowMs: number): Stream {
    const stream = newStream(++this.#lastId, connection, offset, nowMs)
    if (this.#streams.length >= MAX_STREAMS) this.#drop(this.#leastUseful())
    this.#streams.push(stream)
    return stream
  }

  #match(connection: number, offset: number, length: number): Stream | undefined {
    let best: Stream | undefined
    let bestDistance = Number.POSITIVE_INFINITY
    for (const stream of this.#streams) {
      if (!continues(stream, offset, length)) continue
      // The same connection wins between equals: half a step, less than any whole byte.
      const distance = Math.abs(offset - stream.next) + (stream.connection === connection ? 0 : 0.5)
      if (distance < bestDistance) {
        best = stream
        bestDistance = distance
      }
    }
    return best
  }

  #leastUseful(): Stream {
    return this.#streams.reduce((worst, stream) => {
      if (worst.confirmed !== stream.confirmed) return worst.confirmed ? stream : worst
      return stream.lastReadMs < worst.lastReadMs ? stream : worst
    })
  }

  #drop(stream: Stream): void {
    const index = this.#streams.indexOf(stream)
    if (index < 0) return
    this.#streams.splice(index, 1)
    this.#ended(stream)
  }
}
