// Where an image may be downloaded to as a whole, from the options.

import { resolve } from 'node:path'
import { optionEntry } from '../option-table.js'
import { checkNumber } from '../option-values.js'
import { UsageError } from '../usage-error.js'

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
    throw new UsageError('Cannot use --spool-limit without --spool: name the directory, too')
  }
  if (spool === '' || spool.includes('\0')) {
    throw new UsageError(`Cannot use '${spool}' for --spool: expected the path of a directory`)
  }
  return { directory: resolve(spool), limitBytes }
}
