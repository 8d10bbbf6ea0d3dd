// One copy of a generated image through nbd-prefetch, every byte compared on arrival, with its time and statistics.

import { type ServerOptions, type Statistics, serve } from '../dist/main/index.js'
import { NbdClient } from './nbd-client.js'
import type { Image } from './slow-server/image.js'

/** How a copy went. */
export interface CheckedCopy {
  readonly seconds: number
  /** Offset of the first wrong byte, or -1. */
  readonly wrongAt: number
  /** What the client was told, where the copy failed. */
  readonly failure: string | undefined
  readonly statistics: Statistics
}

/**
 * Copies the image behind `options.url`.
 *
 * @param connections of the client
 * @throws what `serve()` throws if the image can't be opened
 */
export async function checkedCopy(
  image: Image,
  options: ServerOptions,
  connections = 4,
): Promise<CheckedCopy> {
  await using server = await serve({ unix: '-', ...options })
  const client = await NbdClient.connect({ path: server.unixSocket ?? '' }, { connections })
  let wrongAt = -1
  let failure: string | undefined
  const start = performance.now()
  try {
    await client.stream((chunk, offset) => {
      const index = image.compare(offset, chunk)
      if (index >= 0 && wrongAt < 0) wrongAt = offset + index
    })
  } catch (error) {
    failure = (error as Error).message
  }
  const seconds = (performance.now() - start) / 1000
  await client.close().catch(() => {})
  return { seconds, wrongAt, failure, statistics: server.statistics() }
}
