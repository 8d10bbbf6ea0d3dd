// Tells the service manager how we are, by sd_notify(3). Node has no datagram sockets of the Unix
// kind, so systemd's own systemd-notify sends the words; it comes with the systemd that listens.

import { execFile } from 'node:child_process'
import type { Log } from './log.js'
import { warn, warning } from './warning.js'

/** How long sending may take, milliseconds: systemd-notify waits until its words were read. */
const SEND_MS = 5_000
/** Share of the watchdog's limit after which it hears of us, as sd_watchdog_enabled(3) advises. */
const WATCHDOG_SHARE = 1 / 2

export interface ServiceManagerParts {
  readonly env: NodeJS.ProcessEnv
  readonly pid: number
  readonly log: Log
}

/** Silent where no service manager listens, which `NOTIFY_SOCKET` tells. */
export class ServiceManager implements Disposable {
  readonly #parts: ServiceManagerParts
  /** What has been said so far: words must not overtake each other. */
  #said: Promise<void> = Promise.resolve()
  #watchdog: NodeJS.Timeout | undefined
  #warned = false

  constructor(parts: ServiceManagerParts) {
    this.#parts = parts
  }

  /** Clients can connect. From now on the watchdog is told that the main thread lives. */
  ready(status: string): void {
    void this.#say('READY=1', `STATUS=${status}`)
    const periodMs = this.#watchdogMs()
    if (periodMs === undefined || this.#parts.env['NOTIFY_SOCKET'] === undefined) return
    this.#watchdog = setInterval(() => void this.#say('WATCHDOG=1'), periodMs).unref()
  }

  /** The end has begun. Resolves when that was said, or could not be. */
  stopping(status: string): Promise<void> {
    return this.#say('STOPPING=1', `STATUS=${status}`)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watchdog)
  }

  #watchdogMs(): number | undefined {
    const { env, pid } = this.#parts
    const limit = Number(env['WATCHDOG_USEC'])
    const owner = env['WATCHDOG_PID']
    if (!Number.isFinite(limit) || limit <= 0) return undefined
    if (owner !== undefined && Number(owner) !== pid) return undefined
    return Math.max(1, Math.round((limit / 1000) * WATCHDOG_SHARE))
  }

  #say(...words: string[]): Promise<void> {
    const { env, log } = this.#parts
    if (env['NOTIFY_SOCKET'] === undefined) return Promise.resolve()
    this.#said = this.#said.then(
      () =>
        new Promise(resolve => {
          execFile('systemd-notify', words, { env, timeout: SEND_MS }, error => {
            if (error !== null && !this.#warned) {
              this.#warned = true
              const lines = error.message.split('\n')
              const problem = error.code === 'ENOENT' ? 'not found' : (lines[0] as string)
              warn(log, warning('service-manager', { problem }))
            }
            resolve()
          })
        }),
    )
    return this.#said
  }
}
