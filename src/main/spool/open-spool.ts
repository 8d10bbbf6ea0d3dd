// Opens an image whose server answers no ranges: file, download and export put together.

import { setTimeout as delay } from 'node:timers/promises'
import type { Failure } from '../../shared/failure.js'
import { failureOf } from '../../shared/failures.js'
import type { SpooledVersion } from '../../shared/spool-task.js'
import { compressionWarning } from '../source/compression.js'
import { sourceError, type Unranged } from '../source/source-error.js'
import { isWebPage, PAGE_BYTES } from '../source/web-page.js'
import { SpoolExport } from '../spool-export.js'
import { warn } from '../warning.js'
import { Download, type DownloadParts, type OpenedDownload } from './download.js'
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
 * Begins the download of an image. Resolves once its first bytes are there and its size is known: with the head of
 * the answer, or at its end where that does not tell.
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
  const begun = 'code' in opened ? opened : await withStart(opened, download, file)
  signal?.removeEventListener('abort', abort)
  if ('code' in begun || isWebPage(begun.firstBytes)) {
    await image(0).close(GIVEN_UP)
    signal?.throwIfAborted()
    throw 'code' in begun
      ? sourceError('open', { name, failure: begun.message })
      : sourceError('web-page', { name })
  }
  const { totalBytes, version, firstBytes } = begun
  log('info', `opened ${name}, which is downloaded as a whole`, {
    bytes: totalBytes,
    pinnedBy: pinOf(version),
  })
  const told = compressionWarning(name, firstBytes)
  if (told !== undefined) warn(log, told)
  return image(totalBytes)
}

function pinOf({ etag, lastModified }: SpooledVersion): string {
  return etag ?? lastModified ?? 'size'
}

/** With the bytes that tell what it is, once they are there; or why they will not come. */
async function withStart(
  opened: OpenedDownload,
  { arrivals }: Download,
  file: SpoolFile,
): Promise<(OpenedDownload & { readonly firstBytes: Uint8Array }) | Failure> {
  const firstBytes = new Uint8Array(Math.min(PAGE_BYTES, opened.totalBytes))
  const lost = await new Promise<Failure | undefined>(resolve =>
    arrivals.wait(firstBytes.length, resolve),
  )
  if (lost !== undefined) return lost
  try {
    await file.read(firstBytes, 0)
    return { ...opened, firstBytes }
  } catch (error) {
    return failureOf('spool', 'read', { problem: (error as Error).message })
  }
}
