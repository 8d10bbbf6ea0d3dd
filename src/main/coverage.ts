// Answers the planner's question about the ring and the image: what is there, on its way, or served
// before, and what is missing.

import type { BlockBitmap } from './prefetch/block-bitmap.js'
import type { Coverage } from './prefetch/planner.js'
import type { ExportSlots } from './ring/export-slots.js'

/** What prefetch need not fetch: present, coming, or served before. */
export function coverageOf(
  slots: ExportSlots,
  served: BlockBitmap,
  blockBytes: number,
  imageBytes: number,
): Coverage {
  return {
    wasServed: offset => served.has(Math.floor(offset / blockBytes)),
    coveredUntil(offset, again) {
      const block = Math.floor(offset / blockBytes)
      const start = block * blockBytes
      if (!again && served.has(block)) return Math.min(imageBytes, start + blockBytes)
      return start + slots.coveredUntil(block, offset - start)
    },
    missingUntil(offset, limit, again, bridge) {
      let at = offset
      /** End of what is missing for certain: what comes behind it is zero so far. */
      let end = offset
      while (at < limit && at - end <= bridge) {
        const block = Math.floor(at / blockBytes)
        const start = block * blockBytes
        const blockEnd = Math.min(limit, start + blockBytes)
        if (!again && served.has(block)) break
        if (slots.isZero(block) && end > offset) {
          at = blockEnd
          continue
        }
        const missing = start + slots.missingUntil(block, at - start, blockEnd - start)
        if (missing > at) end = missing
        if (missing < blockEnd) break
        at = blockEnd
      }
      return end
    },
  }
}
