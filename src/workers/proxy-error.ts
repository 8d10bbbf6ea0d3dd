// What went wrong between us and a proxy, as opposed to the origin behind it.

/** A connection to or through a proxy could not be made. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code = 'PROXY'
  /** Status of the proxy's answer; undefined if it could not be reached at all. */
  readonly status: number | undefined

  constructor(message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options)
    this.status = options.status
  }
}
