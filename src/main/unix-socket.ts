// Unix socket files: where a private one goes, whether one that lies about belongs to a living
// server, and taking one away. A socket file outlives a server that was killed, so finding one says
// nothing by itself.

import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { groupId, userId } from './account-id.js'
import { codeOf, ListenError, listenError, NO_DIRECTORY, reasonOf } from './listen-error.js'

/** `sun_path` has 108 bytes on Linux, the last of which ends the string. */
const MAX_PATH_BYTES = 107

/**
 * Refuses what the kernel would cut off or misread.
 * @throws ListenError
 */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_PATH_BYTES) {
    throw listenError('socket-path-limit', { where: path, most: MAX_PATH_BYTES, bytes })
  }
  if (bytes === 0) throw listenError('socket-path-empty')
  if (path.includes('\0')) throw listenError('socket-path-nul', { where: JSON.stringify(path) })
}

/**
 * Path of a socket in a new directory that only this user may enter.
 * @throws ListenError if there is no room for it
 */
export function privateSocketPath(): string {
  try {
    // mkdtemp creates with mode 0700.
    return join(mkdtempSync(join(tmpdir(), 'nbd-prefetch-')), 'socket')
  } catch (error) {
    throw listenError(
      'private-socket',
      { directory: tmpdir(), problem: codeOf(error) },
      { cause: error },
    )
  }
}

/**
 * Clears the way for a new socket: takes away the file of a server that is gone.
 * @throws ListenError if the directory can't be used, or the path is taken by a living server or by
 *   something that is no socket
 */
export async function preparePath(path: string): Promise<void> {
  let stat: Stats | undefined
  try {
    // libuv reports a missing directory as EACCES when it binds: asked here, the answer is true.
    if (!statSync(dirname(path)).isDirectory())
      throw listenError('listen', { where: path, problem: NO_DIRECTORY })
    stat = lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (error instanceof ListenError) throw error
    throw listenError('listen', { where: path, problem: reasonOf(error) }, { cause: error })
  }
  if (stat === undefined) return
  if (!stat.isSocket()) throw listenError('not-a-socket', { where: path })
  const code = await connectCode(path)
  if (code === 'ECONNREFUSED') removeSocketFile(path)
  else if (code === undefined) throw listenError('socket-in-use', { where: path })
  else if (code !== 'ENOENT') throw listenError('listen', { where: path, problem: reasonOf(code) })
}

/**
 * Calls `bind`, whose socket is made with no more than `mode`: nobody slips in before it is set.
 * `bind` must make it before it returns its promise.
 */
export function withMode<T>(mode: number | undefined, bind: () => Promise<T>): Promise<T> {
  // A program's other threads may not change what all of them share.
  if (mode === undefined || !isMainThread) return bind()
  const before = process.umask(~mode & 0o777)
  try {
    return bind()
  } finally {
    process.umask(before)
  }
}

/** What the file of a socket looks like; what is not given stays as the system makes it. */
export interface SocketFile {
  readonly mode?: number
  /** Name or number. */
  readonly owner?: string
  /** Name or number. */
  readonly group?: string
}

/**
 * Gives a socket's file its owner, group and mode.
 * @throws ListenError if it may not be done
 */
export function dressSocket(path: string, { mode, owner, group }: SocketFile): void {
  const step = (what: string, act: () => void): void => {
    try {
      act()
    } catch (error) {
      throw listenError(
        'socket-dress',
        { where: path, what, problem: reasonOf(error) },
        {
          cause: error,
        },
      )
    }
  }
  // The mode last: whoever it lets in is of the new owner and group.
  if (group !== undefined) {
    const id = known(groupId(group), path, `group '${group}'`)
    step(`group '${group}'`, () => chownSync(path, -1, id))
  }
  if (owner !== undefined) {
    const id = known(userId(owner), path, `user '${owner}'`)
    step(`owner '${owner}'`, () => chownSync(path, id, -1))
  }
  if (mode !== undefined) step('mode', () => chmodSync(path, mode))
}

function known(id: number | undefined, path: string, what: string): number {
  if (id === undefined) throw listenError('socket-account', { where: path, what })
  return id
}

/** Removes a socket file. Never throws: the end of a server does not fail for it. */
export function removeSocketFile(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path)
  } catch {
    // Gone already, or not ours to remove.
  }
}

/** Removes the directory made for a private socket, unless somebody put something into it. */
export function removeDirectory(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Gone already, or in use.
  }
}

/** Error code of an attempt to connect, undefined if somebody listens. */
function connectCode(path: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', error => {
      const code = codeOf(error)
      // A full backlog is a sign of life.
      resolve(code === 'EAGAIN' ? undefined : code)
    })
  })
}
