// Options of how long each step of a request may take, and how often it is repeated.

import { DEFAULTS } from './defaults.js'
import { optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'

/** The part of `ServerOptions` about time. */
export interface TimeOutOptions {
  /** Limit for connecting, TLS included: seconds, 0.01 to 86400. Default 30. */
  readonly connectTimeout?: number | undefined
  /** Limit from a request to the start of its answer: seconds, 0.01 to 86400. Default 120. */
  readonly firstByteTimeout?: number | undefined
  /** Limit without a byte in the middle of an answer: seconds, 0.01 to 86400. Default 30. */
  readonly bodyTimeout?: number | undefined
  /**
   * Times a failed request is repeated before its read fails, 0 (never) to 100; more while the origin answers others
   * rightly. Default 8.
   */
  readonly retries?: number | undefined
  /** Longest time a request is repeated, from its first failure: seconds, 0.01 to 86400. Default 3600. */
  readonly retryTime?: number | undefined
}

/** What they come to. */
export interface ResolvedTimeOuts {
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly bodyTimeoutMs: number
  /** Times one request is sent in all, the first included: at least 1. */
  readonly attempts: number
  /** Time from a request's first failure in which it is repeated. */
  readonly retryTimeMs: number
}

/** @throws {UsageError} at the first option that cannot be used */
export function resolveTimeOuts(options: TimeOutOptions): ResolvedTimeOuts {
  const number = (key: keyof TimeOutOptions) =>
    checkNumber(optionEntry(key), options[key] ?? DEFAULTS[key])
  const milliseconds = (key: keyof TimeOutOptions) => Math.round(number(key) * 1000)
  return {
    connectTimeoutMs: milliseconds('connectTimeout'),
    firstByteTimeoutMs: milliseconds('firstByteTimeout'),
    bodyTimeoutMs: milliseconds('bodyTimeout'),
    attempts: 1 + number('retries'),
    retryTimeMs: milliseconds('retryTime'),
  }
}
