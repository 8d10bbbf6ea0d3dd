// Zero bytes to be sent where the protocol has no other way to say "zero": to clients without
// structured replies, and in ranges that must be one piece. One page serves them all.

/** Few views for a large range, and little memory for a page that most servers never use, bytes. */
const PAGE_BYTES = 256 * 1024

let page: Uint8Array | undefined

/** Views of zeroes, `length` bytes in all. They share memory and must never be written to. */
export function zeroViews(length: number): readonly Uint8Array[] {
  page ??= new Uint8Array(PAGE_BYTES)
  const views: Uint8Array[] = []
  for (let left = length; left > 0; left -= PAGE_BYTES) {
    views.push(left < PAGE_BYTES ? page.subarray(0, left) : page)
  }
  return views
}
