// Requests to end, wherever they come from: signals, a parent that is gone. The first asks for an
// orderly end, the second for one at once.

/**
 * Signals that end the program. A lost terminal (SIGHUP) is no different from a request, nor is Ctrl-\
 * (SIGQUIT): a core is of no use to those who press it, and the socket's file would stay.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** The part of `process` that tells of signals; tests pass an EventEmitter. */
export interface SignalSource {
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
}

/** Collects requests to end until disposed. */
export class Interrupts implements Disposable {
  /** Fulfilled with the first and the second request; pending for ever where none comes. */
  readonly first: Promise<NodeJS.Signals>
  readonly second: Promise<NodeJS.Signals>
  /** Called at every request with its signal. */
  onEach: (signal: NodeJS.Signals) => void = () => {}
  #pending: ((signal: NodeJS.Signals) => void)[] = []
  readonly #source: SignalSource
  readonly #signals: readonly string[]
  readonly #raise = (signal: unknown): void => this.raise(signal as NodeJS.Signals)

  /** @param nohup true takes no notice of a lost terminal */
  constructor(source: SignalSource, nohup = false) {
    this.#source = source
    this.#signals = SIGNALS.filter(signal => !nohup || signal !== 'SIGHUP')
    this.first = new Promise(resolve => this.#pending.push(resolve))
    this.second = new Promise(resolve => this.#pending.push(resolve))
    for (const signal of this.#signals) source.on(signal, this.#raise)
  }

  /** A request without a real signal. */
  raise(signal: NodeJS.Signals): void {
    this.#pending.shift()?.(signal)
    this.onEach(signal)
  }

  /** Gives the signals back their usual effect. */
  [Symbol.dispose](): void {
    for (const signal of this.#signals) this.#source.off(signal, this.#raise)
  }
}
