// qemu's own curl block driver, which reads HTTP inside the qemu-img process.

import type { DriverPeer, OriginAddress } from './peer.js'

/** What qemu takes as a file name. The driver can't be told an authority: https is not verified. */
export function qemuSource(
  origin: OriginAddress,
  readahead?: number,
  format: 'raw' | 'qcow2' = 'raw',
): string {
  const driver = origin.url.startsWith('https:') ? 'https' : 'http'
  const unusual =
    readahead !== undefined || origin.caFile !== undefined
      ? {
          ...(readahead === undefined ? {} : { readahead }),
          ...(driver === 'https' ? { sslverify: 'off' } : {}),
        }
      : undefined
  if (unusual === undefined) return origin.url
  const source = { driver: format, file: { driver, url: origin.url, ...unusual } }
  return `json:${JSON.stringify(source)}`
}

/** The driver with a `readahead` in bytes; undefined leaves its default, 256 KiB. */
export function qemuCurl(label: string, readahead?: number): DriverPeer {
  return {
    kind: 'driver',
    label,
    needs: ['qemu-img'],
    command: (url, format) => {
      const source = qemuSource({ url, directory: '' }, readahead, format)
      return source.startsWith('json:') ? `'${source}'` : source
    },
    source: (origin, format) => qemuSource(origin, readahead, format),
  }
}
