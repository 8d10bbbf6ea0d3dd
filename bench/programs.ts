// The programs of others that the bench runs: which are installed, and running one with its time,
// processor time and exit status.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** Debian's name of the package that brings a program. */
export const PACKAGES: Readonly<Record<string, string>> = {
  'qemu-img': 'qemu-utils',
  nbdcopy: 'libnbd-bin',
  nbdkit: 'nbdkit',
  aria2c: 'aria2',
  curl: 'curl',
}

const found = new Map<string, boolean>()

/** True if the program is on the path. */
export function isInstalled(program: string): boolean {
  let answer = found.get(program)
  if (answer === undefined) {
    answer = spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
    found.set(program, answer)
  }
  return answer
}

/** First line of `program --version`, or undefined. */
export function versionOf(program: string): string | undefined {
  if (!isInstalled(program)) return undefined
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return stdout.split('\n')[0]?.trim()
}

/**
 * Runs a program to its end.
 *
 * @returns seconds it took
 * @throws {Error} with the end of its output if it fails or takes longer than `limitMs`
 */
export async function timed(
  command: string,
  args: readonly string[],
  limitMs: number,
): Promise<number> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2000)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const start = performance.now()
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, limitMs)
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
  clearTimeout(timer)
  const seconds = (performance.now() - start) / 1000
  if (late) throw new Error(`${command} took longer than ${limitMs / 1000} s`)
  if (status !== 0) {
    throw new Error(
      `${command} ended with ${status ?? signal}: ${output.trim().split('\n').at(-1)}`,
    )
  }
  return seconds
}

/** A program that runs until it is stopped. */
export class Background implements AsyncDisposable {
  readonly #child: ChildProcess

  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.#child = spawn(command, args, options)
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get stdout(): NodeJS.ReadableStream {
    if (this.#child.stdout === null) throw new Error('Cannot read the output: it is not piped')
    return this.#child.stdout
  }

  /** Rejects when the program ends by itself. */
  async ended(what: string): Promise<never> {
    const [status, signal] = await once(this.#child, 'exit')
    throw new Error(`${what} ended with ${status ?? signal} before it was ready`)
  }

  /** Processor seconds used so far, user and system; undefined where /proc is not. */
  cpuSeconds(): number | undefined {
    try {
      const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // utime and stime in clock ticks, 100 a second on every Linux there is.
      return (Number(fields[11]) + Number(fields[12])) / 100
    } catch {
      return undefined
    }
  }

  /** Most memory it has held, bytes; undefined where /proc is not. */
  peakBytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
      const kib = /^VmHWM:\s+(\d+)/m.exec(status)?.[1]
      return kib === undefined ? undefined : Number(kib) * 1024
    } catch {
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(timer)
  }
}
