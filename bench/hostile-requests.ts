// What a stranger may throw at a status server: huge heads, bodies, tricks with paths, foreign Host and
// Origin, smuggling, floods, slow readers and heads that never end. Again and again, until told to stop.

import { connect } from 'node:net'

/** How hard. */
export interface Attack {
  /** Sockets of each kind at a time. */
  readonly sockets: number
  /** Time until each is closed and opened again, milliseconds. */
  readonly holdMs: number
  /** Sockets beside them that are never closed, half of them silent and half within a head. */
  readonly halfOpen: number
  /** Sent with what would be answered; the server may ask for none. */
  readonly token?: string | undefined
}

/** Attacks the status server at `url`. Nobody reads what comes. @returns what stops it */
export function harass(url: string, attack: Attack): () => void {
  const { host, hostname, port } = new URL(url)
  const open = new Set<() => void>()
  let stopped = false
  const send = (bytes: string, holdMs: number | undefined): void => {
    if (stopped) return
    const socket = connect(Number(port), hostname)
    socket.pause()
    if (bytes !== '') socket.write(bytes)
    const end = (): void => {
      clearTimeout(timer)
      open.delete(end)
      socket.destroy()
      send(bytes, holdMs)
    }
    const timer = holdMs === undefined ? undefined : setTimeout(end, holdMs)
    open.add(end)
    socket.on('error', () => {})
    // Put out by the other side: back at once, as whoever means it does.
    if (holdMs === undefined) {
      socket.once('close', () => {
        if (open.has(end)) setTimeout(end, 50)
      })
    }
  }
  for (const bytes of bursts(host, attack.token)) {
    for (let i = 0; i < attack.sockets; i++) send(bytes, attack.holdMs)
  }
  for (let i = 0; i < attack.halfOpen; i++) {
    send(i % 2 === 0 ? '' : `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nX: `, undefined)
  }
  return () => {
    stopped = true
    for (const end of [...open]) end()
  }
}

/** One of each kind. */
function bursts(host: string, token: string | undefined): readonly string[] {
  const request = `GET /status.json HTTP/1.1\r\nHost: ${host}\r\n`
  const authorized = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  return [
    `${request}X: ${'x'.repeat(100_000)}\r\n\r\n`,
    `POST /status.json HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(50_000)}`,
    `GET /../../etc/passwd HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    'GET /status.json HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    `${request}Origin: http://evil.example\r\n\r\n`,
    `${request}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${request}\r\n`,
    '\x00\xff\x16\x03\x01 nonsense\r\n\r\n',
    `${request}${authorized}\r\n`.repeat(500),
    `GET /events HTTP/1.1\r\nHost: ${host}\r\n${authorized}\r\n`,
    // A head that never ends.
    `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nX: `,
  ]
}
