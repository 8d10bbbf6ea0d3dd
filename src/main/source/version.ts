// Whether a URL that was resolved again still leads to the version of the image that the export was opened with. Pure.

import type { Failure } from '../../shared/failure.js'
import { failureOf, validatorChanged } from '../../shared/failures.js'
import type { SourceRequest } from '../../shared/fetch-task.js'

/** What identifies a version. */
export type Version = Pick<SourceRequest, 'totalBytes' | 'etag' | 'weakEtag' | 'lastModified'>

/**
 * Tells what differs, with the validators `quoted()`, or undefined if nothing does. A validator that either side
 * lacks says nothing; equal strong ETags mean equal bytes, so that a mirror's date may differ; weak ones can only
 * show a difference.
 */
export function versionChange(pinned: Version, found: Version): Failure | undefined {
  if (found.totalBytes !== pinned.totalBytes) {
    const sizes = { found: found.totalBytes, expected: pinned.totalBytes }
    return failureOf('source-changed', 'size', sizes)
  }
  if (pinned.etag !== undefined && found.etag !== undefined) {
    return pinned.etag === found.etag
      ? undefined
      : validatorChanged('etag', found.etag, pinned.etag)
  }
  const { weakEtag } = pinned
  if (weakEtag !== undefined && found.weakEtag !== undefined && weakEtag !== found.weakEtag) {
    return validatorChanged('etag', found.weakEtag, weakEtag)
  }
  if (pinned.lastModified !== undefined && found.lastModified !== undefined) {
    const same =
      pinned.lastModified === found.lastModified ||
      Date.parse(pinned.lastModified) === Date.parse(found.lastModified)
    if (!same) return validatorChanged('date', found.lastModified, pinned.lastModified)
  }
  return undefined
}
