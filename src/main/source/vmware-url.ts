// Disks as users of libvirt and virt-v2v name them - vpx://user@vcenter/Datacenter/host and '[datastore] VM/VM.vmdk' -
// made into the URLs under which vCenter and ESXi serve their flat files. Pure.

import { usageError } from '../usage-error.js'
import { parseSourceUrl, type SourceUrl } from './source-url.js'

/** Where a disk may be, the likeliest place first, and what the libvirt URI said beside it. */
export interface VmwareDisk extends Omit<SourceUrl, 'url'> {
  readonly urls: readonly string[]
  /** False with `no_verify=1`. */
  readonly verify: boolean
}

const SCHEME = /^(vpx|esx):\/\//i
/** The one datacenter of a host without vCenter. */
const ESX_DATACENTER = 'ha-datacenter'
const SNAPSHOT = /-\d{6}$/
const SNAPSHOT_FILE = /-\d{6}-flat\.vmdk\?/

/** True for URIs of this kind. */
export function isVmwareUri(uri: string): boolean {
  return SCHEME.test(uri)
}

/** Statuses of a disk that may have another of its names: vCenter answers 500 to some wrong ones. */
export const WRONG_NAME: ReadonlySet<number | undefined> = new Set([404, 500])

/**
 * The URLs of a disk.
 *
 * A vpx URI does not say where the datacenter ends and the cluster and host begin: its path is tried as the
 * datacenter's, without the last name, the last two, and so on. A snapshot's disk (`-000001`) is looked for under that
 * name and without it, where its base is. Names are quoted twice, as newer vCenters want them, and then once.
 *
 * @param disk '[datastore] folder/disk.vmdk', or the same with '-flat.vmdk'
 * @throws {UsageError} if either is not of its form
 */
export function parseVmwareUri(uri: string, disk: string | undefined): VmwareDisk {
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase() ?? ''
  const { url, user, password } = parseSourceUrl(uri.replace(SCHEME, 'https://'))
  const { protocol, host, pathname, searchParams } = new URL(url)
  if (disk === undefined) {
    throw usageError('vmware-no-disk', { scheme, host })
  }
  if (searchParams.has('proxy')) {
    throw usageError('vmware-proxy', { scheme })
  }
  const place = /^\[(.*)\]\s*(.+)$/.exec(disk)
  if (place === null) {
    throw usageError('vmware-disk-form', { disk, scheme, host })
  }
  const [, datastore = '', path = ''] = place
  const origin = `${searchParams.get('transport') === 'http' ? 'http:' : protocol}//${host}`
  const datacenters = scheme === 'esx' ? [ESX_DATACENTER] : datacentersOf(pathname, uri)
  const urls = new Set<string>()
  for (const datacenter of datacenters) {
    for (const file of flatFiles(path)) {
      for (const value of [(name: string) => quote(quote(name)), quote]) {
        const query = `dcPath=${value(datacenter)}&dsName=${value(datastore)}`
        urls.add(`${origin}/folder/${quote(file)}?${query}`)
      }
    }
  }
  return { urls: [...urls], user, password, verify: searchParams.get('no_verify') !== '1' }
}

/**
 * True for a URL of a snapshot's base, where the disk of the snapshot was asked for.
 *
 * @param urls of the disk, as `parseVmwareUri()` gives them
 */
export function isSnapshotBase(url: string, urls: readonly string[]): boolean {
  return !SNAPSHOT_FILE.test(url) && urls.some(other => SNAPSHOT_FILE.test(other))
}

function datacentersOf(pathname: string, uri: string): string[] {
  const names = pathname.split('/').filter(name => name !== '')
  if (names.length === 0) {
    throw usageError('vmware-no-datacenter')
  }
  let decoded: string[]
  try {
    decoded = names.map(decodeURIComponent)
  } catch {
    throw usageError('vmware-percent', { uri: uri.replace(/\/\/.*@/, '//***@') })
  }
  const longest = Math.max(1, decoded.length - 1)
  return Array.from({ length: longest }, (_, i) => decoded.slice(0, longest - i).join('/'))
}

/** The files that hold the bytes of a virtual disk: its .vmdk only describes it. */
function flatFiles(path: string): string[] {
  if (!path.endsWith('.vmdk') || path.endsWith('-flat.vmdk')) return [path]
  const name = path.slice(0, -'.vmdk'.length)
  const base = name.replace(SNAPSHOT, '')
  return base === name ? [`${name}-flat.vmdk`] : [`${name}-flat.vmdk`, `${base}-flat.vmdk`]
}

/** Everything but unreserved characters and '/' as %XX, of UTF-8; a space never becomes '+'. */
function quote(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}
