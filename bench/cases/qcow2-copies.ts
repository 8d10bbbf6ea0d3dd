// Conversions of a qcow2 image to raw, where the clusters are compressed and where they are not: by
// qemu-img over NBD, by its own driver, and as people do it without either: download, then convert.

import { rmSync } from 'node:fs'
import type { ImageKind } from '../measure/images.js'
import { qemuConvert } from './copies.js'
import type { Workload } from './workload.js'

export function convertQcow2(image: Exclude<ImageKind, 'raw'>): Workload {
  const what = image === 'qcow2' ? 'qcow2' : 'compressed qcow2'
  const command = (source: string, target: string) => qemuConvert(source, target, [], 'qcow2')
  return {
    label: `qemu-img convert, ${what}`,
    needs: ['qemu-img'],
    command: source => command(source, 'TARGET').join(' '),
    with: ['server', 'driver', 'download'],
    image,
    copies: false,
    keeps: true,
    usualSize: 128 * 1024 * 1024,
    async measure({ sources: [source = ''], targets: [target = ''], image, finish, download }) {
      const file = `${target}.qcow2`
      try {
        const fetched = download === undefined ? undefined : await finish(download(file))
        const { seconds, peakBytes } = await finish(command(fetched ? file : source, target))
        return {
          seconds: seconds + (fetched?.seconds ?? 0),
          peakBytes: Math.max(peakBytes ?? 0, fetched?.peakBytes ?? 0) || undefined,
          // What the client gets is the file: the disk is what it makes of it.
          bytes: image.size,
          content: 'targets',
          extra: fetched === undefined ? {} : { convertSeconds: seconds },
        }
      } finally {
        rmSync(file, { force: true })
      }
    },
  }
}
