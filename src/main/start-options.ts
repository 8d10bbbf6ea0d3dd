// From what a user gave to options that are complete: all that can be checked is checked before any
// file is read or anybody asked, and then what settings name is read.

import { type ResolvedExport, resolveExports } from './export-options.js'
import { placeholders, type ReadOptions } from './input-flags.js'
import type { CommandLine } from './invocation.js'
import type { ServerOptions } from './options.js'
import { checkInputs, readInputs } from './read-inputs.js'
import type { SecretSources } from './secret-input.js'

/** What a server or probe starts with. */
export interface StartOptions {
  readonly options: ServerOptions
  readonly exports: readonly ResolvedExport[]
}

/** The part of a command line that options come from. */
type Asked = Pick<CommandLine, 'server' | 'inputs' | 'exportInputs'>

/**
 * Checks what can be checked without reading anything.
 *
 * @param more options that the process gives
 * @throws {UsageError} if something can't be used
 */
export function checkOptions(asked: Asked, more: Partial<ServerOptions>): void {
  const { inputs, exportInputs } = asked
  for (const one of [inputs, ...exportInputs]) checkInputs(one)
  const server = { ...asked.server, ...more }
  resolveExports(withRead(server, placeholders(inputs), exportInputs.map(placeholders)))
}

/**
 * @param more options that the process gives
 * @throws {UsageError} if something can't be used
 * @throws {FileError} if something can't be read
 */
export async function startOptions(
  asked: Asked,
  more: Partial<ServerOptions>,
  sources: SecretSources,
): Promise<StartOptions> {
  const { inputs, exportInputs } = asked
  const server = { ...asked.server, ...more }
  // Whoever mistypes a size is not asked for a password first.
  const reads = [inputs, ...exportInputs].some(one => Object.keys(one).length > 0)
  if (reads) checkOptions(asked, more)
  // In turn: several may come from lines of standard input.
  const read = await readInputs(inputs, sources)
  const ofExports: ReadOptions[] = []
  for (const one of exportInputs) ofExports.push(await readInputs(one, sources))
  const options = withRead(server, read, ofExports)
  return { options, exports: resolveExports(options) }
}

function withRead(
  server: ServerOptions,
  read: ReadOptions,
  ofExports: readonly ReadOptions[],
): ServerOptions {
  const exports = server.exports?.map((one, index) => ({ ...one, ...ofExports[index] }))
  return { ...server, ...read, ...(exports !== undefined && { exports }) }
}
