// Options: how long each step of a request may take, and how often it is repeated.

import { DEFAULTS } from '../defaults.js'
import { LONGEST_WAIT_SECONDS, type OptionEntry } from './entry.js'

export const TIME_OUTS = [
  {
    key: 'connectTimeout',
    long: '--connect-timeout',
    value: 'SECONDS',
    group: 'Time-outs',
    kind: 'seconds',
    default: String(DEFAULTS.connectTimeout),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Limit for connecting, TLS included',
  },
  {
    key: 'firstByteTimeout',
    long: '--first-byte-timeout',
    value: 'SECONDS',
    group: 'Time-outs',
    kind: 'seconds',
    default: String(DEFAULTS.firstByteTimeout),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Limit from a request to the start of its answer; doubled with each attempt that meets it, up to 16 times',
    nbdkit: 'timeout= (whole transfer)',
  },
  {
    key: 'bodyTimeout',
    long: '--body-timeout',
    value: 'SECONDS',
    group: 'Time-outs',
    kind: 'seconds',
    default: String(DEFAULTS.bodyTimeout),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Limit without a byte in the middle of an answer',
  },
  {
    key: 'retries',
    long: '--retries',
    value: 'N',
    group: 'Time-outs',
    kind: 'integer',
    default: String(DEFAULTS.retries),
    min: 0,
    max: 100,
    help: 'Times a failed request is repeated before its read fails, more while most others succeed; 0 never repeats',
    nbdkit: '--filter=retry retries=',
  },
  {
    key: 'retryTime',
    long: '--retry-time',
    value: 'SECONDS',
    group: 'Time-outs',
    kind: 'seconds',
    default: String(DEFAULTS.retryTime),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Longest time a failing request is repeated, from its first failure',
  },
] as const satisfies readonly OptionEntry[]
