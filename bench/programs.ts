// The programs of others that the bench runs: which are installed, running one to its end with its
// time and memory, and keeping one in the background. Each runs in a process group of its own, and
// whatever is left of it is killed when the bench ends, however it ends.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { OutOfTime } from './measure/out-of-time.js'
import { cpuSecondsOf, peakBytesOf, type ThreadSeconds, threadSecondsOf } from './measure/usage.js'
import { descendantsOf } from './process-tree.js'

/** Debian's name of the package that brings a program. */
export const PACKAGES: Readonly<Record<string, string>> = {
  'qemu-img': 'qemu-utils',
  'qemu-nbd': 'qemu-utils',
  nbdcopy: 'libnbd-bin',
  nbdkit: 'nbdkit',
  fio: 'fio',
  aria2c: 'aria2',
  curl: 'curl',
}

/** How often the memory of a program is looked at. */
const LOOK_MS = 50

const found = new Map<string, boolean>()
const alive = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of alive) killAll(child, 'SIGKILL')
})

/** True if the program is on the path. */
export function isInstalled(program: string): boolean {
  let answer = found.get(program)
  if (answer === undefined) {
    answer = (process.env['PATH'] ?? '').split(delimiter).some(directory => {
      try {
        accessSync(join(directory, program), constants.X_OK)
        return true
      } catch {
        return false
      }
    })
    found.set(program, answer)
  }
  return answer
}

/** First line of `program --version`, or undefined. */
export function versionOf(program: string): string | undefined {
  if (!isInstalled(program)) return undefined
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 5000 })
  return stdout.split('\n')[0]?.trim()
}

/** A program that has ended well. */
export interface Finished {
  readonly seconds: number
  readonly stdout: string
  /** Most memory it has held, bytes, as last seen; undefined where /proc is not. */
  readonly peakBytes: number | undefined
}

/**
 * Runs a program to its end.
 *
 * @param given - ends it early; its reason is what the bench then says
 * @throws {Error} with the end of its output if it fails or takes longer than `limitMs`
 */
export async function finish(
  [command, ...args]: readonly [string, ...string[]],
  limitMs: number,
  given?: AbortSignal,
): Promise<Finished> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  alive.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-2000)
  })
  let peakBytes: number | undefined
  const look = setInterval(() => {
    peakBytes = peakBytesOf(child.pid) ?? peakBytes
  }, LOOK_MS)
  let late = false
  const stop = () => {
    killAll(child, 'SIGKILL')
    // Whoever still holds the other end is not waited for.
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const timer = setTimeout(() => {
    late = true
    stop()
  }, limitMs)
  given?.addEventListener('abort', stop)
  const start = performance.now()
  try {
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
    const seconds = (performance.now() - start) / 1000
    given?.throwIfAborted()
    if (late) throw new OutOfTime(`${command} took longer than ${limitMs / 1000} s`)
    if (status !== 0) {
      const words = (stderr === '' ? stdout : stderr).trim().split('\n').at(-1)
      throw new Error(`${command} ended with ${status ?? signal}: ${words}`)
    }
    return { seconds, stdout, peakBytes }
  } finally {
    clearInterval(look)
    clearTimeout(timer)
    given?.removeEventListener('abort', stop)
    alive.delete(child)
  }
}

/** `finish()`, of which only the seconds count. */
export async function timed(
  command: string,
  args: readonly string[],
  limitMs: number,
): Promise<number> {
  return (await finish([command, ...args], limitMs)).seconds
}

/** A program that runs until it is stopped. */
export class Background implements AsyncDisposable {
  readonly #child: ChildProcess
  #stderr = ''

  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.#child = spawn(command, args, { ...options, detached: true })
    alive.add(this.#child)
    this.#child.once('exit', () => alive.delete(this.#child))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000)
    })
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get stdout(): NodeJS.ReadableStream {
    if (this.#child.stdout === null) throw new Error('Cannot read the output: it is not piped')
    return this.#child.stdout
  }

  /** The last line it has printed to a piped standard error. */
  get lastWords(): string {
    return this.#stderr.trim().split('\n').at(-1) ?? ''
  }

  /** Rejects when the program ends by itself, or could not be started. */
  async ended(what: string): Promise<never> {
    const [status, signal] = await once(this.#child, 'close')
    const words = this.lastWords === '' ? '' : `: ${this.lastWords}`
    throw new Error(`${what} ended with ${status ?? signal} before it was ready${words}`)
  }

  /** Processor seconds used so far, user and system; undefined where /proc is not. */
  cpuSeconds(): number | undefined {
    return cpuSecondsOf(this.#child.pid)
  }

  /** The same for its main thread and for all others. */
  threadSeconds(): ThreadSeconds | undefined {
    return threadSecondsOf(this.#child.pid)
  }

  /** Most memory it has held, bytes; undefined where /proc is not. */
  peakBytes(): number | undefined {
    return peakBytesOf(this.#child.pid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.pid === undefined) return
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    killAll(this.#child, 'SIGTERM')
    const timer = setTimeout(() => killAll(this.#child, 'SIGKILL'), 5000)
    await ended
    clearTimeout(timer)
  }
}

/** Its process group, and what it has started outside of that. */
function killAll(child: ChildProcess, signal: NodeJS.Signals): void {
  const { pid } = child
  if (pid === undefined) return
  for (const target of [...descendantsOf(pid), -pid]) {
    try {
      process.kill(target, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
}
