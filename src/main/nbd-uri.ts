// NBD URIs (doc/uri.md of NetworkBlockDevice/nbd): how clients are told where an export is.

/** What is left unescaped by encodeURIComponent although a URI gives it a meaning, or a shell does. */
const SUB_DELIMITERS = /[!'()*]/g

/** `nbd+unix:///NAME?socket=PATH`, or with TLS `nbds+unix:…` */
export function unixUri(socketPath: string, exportName: string, tls = false): string {
  const path = socketPath.split('/').map(encode).join('/')
  return `${tls ? 'nbds' : 'nbd'}+unix:///${encode(exportName)}?socket=${path}`
}

/** `nbd://HOST:PORT/NAME`, or with TLS `nbds:…`; IPv6 addresses get their brackets. */
export function tcpUri(address: string, port: number, exportName: string, tls = false): string {
  return `${tls ? 'nbds' : 'nbd'}://${uriHost(address)}:${port}/${encode(exportName)}`
}

function uriHost(address: string): string {
  // Nobody can connect to "any address" by that name: this machine is the one that is sure to work.
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  if (!address.includes(':')) return encode(address)
  const [host, zone] = address.split('%')
  return zone === undefined ? `[${host}]` : `[${host}%25${encode(zone)}]`
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    SUB_DELIMITERS,
    mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
