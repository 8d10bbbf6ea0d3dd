// A web page where the image should be: that of a login to which a server sends whoever it does not know, or an error
// that is told with 200. Known by its first bytes: content types are often wrong. Pure.

/** Bytes that tell. */
export const PAGE_BYTES = 512

/** How one begins, behind a byte order mark, white space, comments and what tells of XML. */
const PAGE = /^(?:\xef\xbb\xbf)?\s*(?:<(?:!--|\?xml\b)[^>]*>\s*)*<(?:!doctype\s+html|html)\b/i

/**
 * True if a file is one, which no disk is.
 *
 * @param firstBytes of the file, PAGE_BYTES or more where it has them
 */
export function isWebPage(firstBytes: Uint8Array): boolean {
  return PAGE.test(Buffer.from(firstBytes.subarray(0, PAGE_BYTES)).toString('latin1'))
}
