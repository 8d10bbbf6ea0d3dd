// A client of NBD for a rehearsal: says hello, asks for block status, reads and takes leave. It
// looks at nothing of what it gets (doc/proto.md, "Handshake phase").

import { once } from 'node:events'
import { connect } from 'node:net'
import { Cmd, HandshakeFlag, IHAVEOPT, Option, REQUEST_MAGIC } from '../nbd/constants.js'

const CONTEXT = Buffer.from('base:allocation')
const OPTION_HEAD = 16
const REQUEST_BYTES = 28
const NOTHING = Buffer.alloc(0)

/** What a client does. */
export interface RehearsalVisit {
  /** Asked about at first, bytes from the beginning. */
  readonly statusBytes: number
  /** From the beginning, one behind the other. */
  readonly reads: number
  readonly readBytes: number
  /** Reads under way at a time. */
  readonly inFlight: number
  /** Reads that were answered so far, asked when something has come. */
  readonly answered: () => number
  /** True once no further read is to be sent. */
  readonly isOver: () => boolean
}

/**
 * Reads into nowhere. Fulfilled when the connection is closed.
 *
 * @param path of the Unix socket
 * @throws {Error} if the connection fails
 */
export async function visit(path: string, what: RehearsalVisit): Promise<void> {
  const { statusBytes, reads, readBytes, inFlight } = what
  const socket = connect(path)
  let asked = 0
  let left = false
  socket.on('data', () => {
    const answered = what.answered()
    const isOver = what.isOver()
    const end = isOver ? asked : Math.min(reads, answered + inFlight)
    for (; asked < end; asked++) socket.write(request(Cmd.READ, asked * readBytes, readBytes))
    if (left || answered < asked || !(isOver || asked === reads)) return
    left = true
    socket.write(request(Cmd.DISC))
  })
  socket.write(hello())
  socket.write(request(Cmd.BLOCK_STATUS, 0, statusBytes))
  await once(socket, 'close')
}

/** From the flags to GO for the only export, with structured replies and block status. */
function hello(): Buffer {
  const flags = Buffer.alloc(4)
  flags.writeUInt32BE(HandshakeFlag.FIXED_NEWSTYLE | HandshakeFlag.NO_ZEROES)
  const contexts = Buffer.alloc(12)
  contexts.writeUInt32BE(1, 4)
  contexts.writeUInt32BE(CONTEXT.length, 8)
  return Buffer.concat([
    flags,
    option(Option.STRUCTURED_REPLY, NOTHING),
    option(Option.SET_META_CONTEXT, Buffer.concat([contexts, CONTEXT])),
    // No name, no further information.
    option(Option.GO, Buffer.alloc(6)),
  ])
}

function option(code: number, body: Buffer): Buffer {
  const head = Buffer.alloc(OPTION_HEAD)
  head.writeBigUInt64BE(IHAVEOPT)
  head.writeUInt32BE(code, 8)
  head.writeUInt32BE(body.length, 12)
  return Buffer.concat([head, body])
}

function request(command: number, offset = 0, length = 0): Buffer {
  const bytes = Buffer.alloc(REQUEST_BYTES)
  bytes.writeUInt32BE(REQUEST_MAGIC)
  bytes.writeUInt16BE(command, 6)
  bytes.writeBigUInt64BE(BigInt(offset), 16)
  bytes.writeUInt32BE(length, 24)
  return bytes
}
