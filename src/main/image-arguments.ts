// The arguments that are no flags: one image, as URL or as URI and disk, or several as NAME=URL.

import type { Images } from './settings/setting.js'
import { isVmwareUri } from './source/vmware-url.js'
import { usageError } from './usage-error.js'

/** A name, which has none of `:/=`, before a URL; nothing else begins so. */
const NAMED = /^([^:/=]*)=((?:https?):\/\/.*)$/is
/** What was meant to be such, with a name that has one of them; a URL's query may look like that. */
const MISNAMED = /^(?![a-z][a-z0-9+.-]*:\/\/).*[:/=].*=https?:\/\//is

/**
 * Undefined if there are no arguments.
 *
 * @param verb what is to be done with the images: 'serve', 'probe' or 'show'
 * @throws {UsageError} if several images have no names, or names that can't be written before '='
 */
export function imageArguments(args: readonly string[], verb = 'serve'): Images | undefined {
  const [url, disk] = args
  if (url === undefined) return undefined
  // A disk of VMware's has brackets, slashes and whatever else its name has; a probe takes no names.
  const misnamed =
    isVmwareUri(url) || verb === 'probe' ? -1 : args.findIndex(arg => MISNAMED.test(arg))
  if (misnamed !== -1) throw usageError('argument-name', { verb, number: misnamed + 1 })
  const named = args.map(arg => NAMED.exec(arg))
  if (named.some(match => match !== null)) {
    const unnamed = named.indexOf(null)
    if (unnamed !== -1) {
      throw usageError('argument-without-name', { verb, number: unnamed + 1 })
    }
    return { exports: named.map(match => ({ name: match?.[1] ?? '', url: match?.[2] ?? '' })) }
  }
  const most = isVmwareUri(url) ? 2 : 1
  if (args.length > most) {
    const naming = verb === 'probe' ? '' : ', or name each as NAME=URL'
    throw usageError('several-urls', { verb, count: args.length, naming })
  }
  return disk === undefined ? { url } : { url, disk }
}
