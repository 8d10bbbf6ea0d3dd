// What clients are told of an image, however it is fetched.

import { clamp } from '../shared/extent.js'
import type { ExportInfo } from './nbd/messages.js'

/** Largest payload a client is told to send or ask for: what every NBD client can take. */
const MAX_PAYLOAD = 32 * 1024 * 1024
/** Largest preferred block size worth telling: nbdcopy reads in units of it and keeps 16 MiB under way. */
const MAX_PREFERRED = 256 * 1024

/** @param blockBytes what the image is kept in */
export function imageInfo(
  name: string,
  description: string,
  size: number,
  blockBytes: number,
): ExportInfo {
  return {
    name,
    description,
    size,
    blockSizes: {
      minimum: 1,
      preferred: clamp(blockBytes, 4096, MAX_PREFERRED),
      maximum: MAX_PAYLOAD,
    },
  }
}
