// Asks the user for a secret on the terminal, which does not show it. Not on standard input: that
// may be a pipe, and belongs to the --run command.

import { closeSync, openSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { fileError } from './file-error.js'

const TERMINAL = '/dev/tty'

/**
 * What the user types in answer to a question.
 *
 * @param what to ask for: 'password'
 * @throws {FileError} if there is no terminal, or the user gives up (Ctrl-C, Ctrl-D)
 */
export async function askOnTerminal(what: string): Promise<string> {
  let descriptor: number
  try {
    descriptor = openSync(TERMINAL, 'r+')
  } catch (error) {
    throw fileError('no-terminal', { what }, { cause: error })
  }
  const show = openSync(TERMINAL, 'w')
  const terminal = new ReadStream(descriptor)
  terminal.setRawMode(true)
  writeSync(show, `nbd-prefetch: ${what}: `)
  try {
    return await readTyped(terminal, what)
  } finally {
    writeSync(show, '\r\n')
    closeSync(show)
    terminal.setRawMode(false)
    terminal.destroy()
  }
}

function readTyped(terminal: ReadStream, what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = ''
    terminal.setEncoding('utf8').on('data', piece => {
      for (const key of String(piece)) {
        if (key === '\r' || key === '\n') return resolve(typed)
        // Raw mode leaves to us what the terminal does otherwise: ^C, ^D, ^U, and both backspaces.
        if (key === '\x03' || key === '\x04') {
          return reject(fileError('secret-refused', { what }))
        }
        if (key === '\x15') typed = ''
        else if (key === '\x7f' || key === '\b') typed = [...typed].slice(0, -1).join('')
        else typed += key
      }
    })
    terminal.on('error', reject).on('end', () => {
      reject(fileError('terminal-gone', { what }))
    })
  })
}
