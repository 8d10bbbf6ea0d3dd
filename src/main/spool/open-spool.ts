// Opens an image whose server answers no ranges: file, download and export put together.

import { setTimeout as delay } from 'node:timers/promises'
import { failureOf } from '../../shared/failures.js'
import type { SpooledVersion } from '../../shared/spool-task.js'
import type { Log } from '../log.js'
import { compressionWarning, MAGIC_BYTES } from '../source/compression.js'
import { sourceError, type Unranged } from '../source/source-error.js'
import { SpoolExport } from '../spool-export.js'
import { warn } from '../warning.js'
import { Download, type DownloadParts } from './download.js'
import { SpoolFile } from './spool-file.js'
import type { SpoolSettings } from './spool-options.js'

/** An image that can only be downloaded as a whole, and where to. */
export interface SpoolSource extends Unranged {
  /** Index into the workers' transports. */
  readonly transport: number
  readonly settings: SpoolSettings
}

export interface OpenSpoolParts
  extends SpoolSource,
    Pick<
      DownloadParts,
      'runner' | 'renew' | 'maxAttempts' | 'meter' | 'governor' | 'log' | 'clock' | 'random'
    > {
  readonly exportName: string
  /** Shown to clients. */
  readonly description: string | undefined
  /** Gives up the start. */
  readonly signal: AbortSignal | undefined
}

const GIVEN_UP = failureOf('cancelled', 'start')

/**
 * Begins the download of an image. Resolves once its size is known: with the head of the answer, or at
 * its end where that does not tell.
 *
 * @throws {FileError} if the directory can't be used
 * @throws {SourceError} if the image can't be downloaded, or there is no room for it
 */
export async function openSpool(parts: OpenSpoolParts): Promise<SpoolExport> {
  const { name, settings, signal, log } = parts
  const file = SpoolFile.create(settings.directory, settings.limitBytes)
  const download = new Download({
    ...parts,
    file,
    sleep: (ms, abort) => delay(ms, undefined, { signal: abort }),
  })
  const image = (size: number): SpoolExport =>
    new SpoolExport({
      name: parts.exportName,
      description: parts.description ?? name,
      size,
      download,
      file,
      clock: parts.clock,
    })
  const abort = (): void => download.close(GIVEN_UP)
  signal?.addEventListener('abort', abort, { once: true })
  // It may have been before anybody listened.
  if (signal?.aborted) abort()
  const opened = await download.opened
  signal?.removeEventListener('abort', abort)
  if ('code' in opened) {
    await image(0).close(opened)
    signal?.throwIfAborted()
    throw sourceError('open', { name, failure: opened.message })
  }
  const { totalBytes, version } = opened
  log('info', `opened ${name}, which is downloaded as a whole`, {
    bytes: totalBytes,
    pinnedBy: pinOf(version),
  })
  warnOfCompression(name, totalBytes, download, file, log)
  return image(totalBytes)
}

function pinOf({ etag, lastModified }: SpooledVersion): string {
  return etag ?? lastModified ?? 'size'
}

/** As soon as the first bytes are there. */
function warnOfCompression(
  name: string,
  totalBytes: number,
  download: Download,
  file: SpoolFile,
  log: Log,
): void {
  const firstBytes = new Uint8Array(Math.min(MAGIC_BYTES, totalBytes))
  download.arrivals.wait(firstBytes.length, failure => {
    if (failure !== undefined) return
    file.read(firstBytes, 0).then(
      () => {
        const told = compressionWarning(name, firstBytes)
        if (told !== undefined) warn(log, told)
      },
      // Reads will tell.
      () => {},
    )
  })
}
