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
    missingUntil(offset, limit, again) {
      let at = offset
      while (at < limit) {
        const block = Math.floor(at / blockBytes)
        const start = block * blockBytes
        if (!again && served.has(block)) return at
        const end = Math.min(limit, start + blockBytes)
        const missing = start + slots.missingUntil(block, at - start, end - start)
        if (missing < end) return missing
        at = end
      }
      return limit
    },
  }
}
