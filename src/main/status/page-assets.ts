// The files of the status page, by the path they are asked for under: what is not in this table does
// not exist, so that no request ever names a file. They hold no data of a server and need no token.

/** A file of the package. */
export interface PageAsset {
  readonly file: URL
  /** Its `Content-Type`. */
  readonly type: string
}

/** '/' is the page itself. */
export const PAGE_ASSETS: ReadonlyMap<string, PageAsset> = new Map()

/** What the page may load and do: nothing of anybody else's. Plots carry their style with them. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
