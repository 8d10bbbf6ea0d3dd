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

/**
 * @param more options that the process gives
 * @throws {UsageError} if something can't be used
 * @throws {FileError} if something can't be read
 */
export async function startOptions(
  commandLine: Pick<CommandLine, 'server' | 'inputs' | 'exportInputs'>,
  more: Partial<ServerOptions>,
  sources: SecretSources,
): Promise<StartOptions> {
  const { inputs, exportInputs } = commandLine
  const server = { ...commandLine.server, ...more }
  const all = [inputs, ...exportInputs]
  for (const one of all) checkInputs(one)
  if (all.some(one => Object.keys(one).length > 0)) {
    // Whoever mistypes a size is not asked for a password first.
    resolveExports(withRead(server, placeholders(inputs), exportInputs.map(placeholders)))
  }
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
