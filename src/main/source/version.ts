// Whether a URL that was resolved again still leads to the version of the image that the export was opened with. Pure.

import type { SourceRequest } from '../../shared/fetch-task.js'

/** What identifies a version. */
export type Version = Pick<SourceRequest, 'totalBytes' | 'etag' | 'lastModified'>

/**
 * Says what differs, or undefined if nothing does. A validator that either side lacks says nothing; equal strong
 * ETags mean equal bytes, so that a mirror's date may differ.
 */
export function versionChange(pinned: Version, found: Version): string | undefined {
  if (found.totalBytes !== pinned.totalBytes) {
    return `the file has ${found.totalBytes} bytes now, it had ${pinned.totalBytes}`
  }
  if (pinned.etag !== undefined && found.etag !== undefined) {
    return pinned.etag === found.etag ? undefined : 'the ETag is another one now'
  }
  if (pinned.lastModified !== undefined && found.lastModified !== undefined) {
    const same =
      pinned.lastModified === found.lastModified ||
      Date.parse(pinned.lastModified) === Date.parse(found.lastModified)
    if (!same) return 'Last-Modified is another date now'
  }
  return undefined
}
