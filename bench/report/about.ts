// The machine and the programs that results come from.

import { cpus, loadavg, release, totalmem, type } from 'node:os'
import type { About } from '../measure/result.js'
import { PACKAGES, versionOf } from '../programs.js'

/** @param options - the words of the command line */
export function aboutThis(options: readonly string[], now: Date): About {
  return {
    date: now.toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${type()} ${release()}`,
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    versions: Object.keys(PACKAGES).map(
      name => versionOf(name)?.replace(/ \(.*/, '') ?? `${name}: not installed`,
    ),
    options: options.map(masked),
  }
}

/** A URL's credentials, in front of its host or in its query, are nobody's business. */
function masked(word: string): string {
  return word.replace(/\/\/[^@/]*@/, '//***@').replace(/\?.*$/s, '?***')
}

/** One line. */
export function aboutLine({ date, machine, node, versions }: About): string {
  return `${date.slice(0, 10)}, ${machine}, Node ${node}; ${versions.join('; ')}`
}
