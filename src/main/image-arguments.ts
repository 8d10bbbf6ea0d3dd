// The arguments that are no flags: one image, as URL or as URI and disk, or several as NAME=URL.

import type { ExportOptions } from './export-options.js'
import { isVmwareUri } from './source/vmware-url.js'
import { usageError } from './usage-error.js'

/** What the server's options say of images. */
export type ImageArguments =
  | { readonly url: string; readonly disk?: string }
  | { readonly exports: readonly ExportOptions[] }

/** A name, which has none of `:/=`, before a URL; nothing else begins so. */
const NAMED = /^([^:/=]*)=((?:https?):\/\/.*)$/is

/** @throws {UsageError} if several images have no names */
export function imageArguments(args: readonly string[]): ImageArguments {
  const named = args.map(arg => NAMED.exec(arg))
  if (named.some(match => match !== null)) {
    const unnamed = named.indexOf(null)
    if (unnamed !== -1) {
      throw usageError('argument-without-name', { number: unnamed + 1 })
    }
    return { exports: named.map(match => ({ name: match?.[1] ?? '', url: match?.[2] ?? '' })) }
  }
  const [url = '', disk] = args
  const most = isVmwareUri(url) ? 2 : 1
  if (args.length > most) {
    throw usageError('several-urls', { count: args.length })
  }
  return disk === undefined ? { url } : { url, disk }
}
