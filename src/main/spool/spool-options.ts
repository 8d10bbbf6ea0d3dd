// Where an image may be downloaded to as a whole, from the options.

import { resolve } from 'node:path'
import { optionEntry } from '../option-table.js'
import { checkNumber } from '../option-values.js'
import { usageError } from '../usage-error.js'

/** Where images are downloaded to. */
export interface SpoolSettings {
  /** Absolute. */
  readonly directory: string
  /** Bytes of one file; undefined leaves it to the free space. */
  readonly limitBytes: number | undefined
}

/** The options that say it. */
export interface SpoolOptions {
  readonly spool?: string | undefined
  readonly spoolLimit?: number | undefined
}

/**
 * Undefined where nothing may be downloaded as a whole.
 *
 * @throws {UsageError} if the options can't be used
 */
export function resolveSpool({ spool, spoolLimit }: SpoolOptions): SpoolSettings | undefined {
  const limitBytes =
    spoolLimit === undefined ? undefined : checkNumber(optionEntry('spoolLimit'), spoolLimit)
  if (spool === undefined) {
    if (limitBytes === undefined) return undefined
    throw usageError('spool-limit')
  }
  if (spool === '' || spool.includes('\0')) {
    throw usageError('value', {
      value: spool,
      flag: '--spool',
      expected: 'the path of a directory',
    })
  }
  return { directory: resolve(spool), limitBytes }
}
