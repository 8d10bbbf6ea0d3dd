// Gathers the settings from all their sources; the configuration file is the only thing that is read.

import type { Told } from '../../shared/message.js'
import type { Arguments } from '../command-line.js'
import { imageArguments } from '../image-arguments.js'
import { readPrivateFile } from '../input-files.js'
import { OPTION_TABLE } from '../option-table.js'
import { configLayer, FILE_OPTIONS } from './config-file.js'
import { environmentLayer } from './environment.js'
import { holdsSecret } from './masking.js'
import { mergeSettings } from './merge.js'
import type { SettingLayer, SettingValue } from './setting.js'

/** All settings, and what is to be warned of. */
export interface LoadedSettings {
  readonly layer: SettingLayer
  readonly warnings: readonly Told[]
}

/**
 * Flags before variables before the configuration file, which is named by one of them.
 *
 * @throws {UsageError} if a source gives what can't be used
 * @throws {FileError} if the configuration file can't be read
 */
export async function loadSettings(
  args: Arguments,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LoadedSettings> {
  const given = mergeSettings([flagLayer(args), environmentLayer(env)])
  const path = given.settings.get('config')?.value
  if (typeof path !== 'string') return { layer: given, warnings: [] }
  const warnings: Told[] = []
  const text = await readPrivateFile(path, 'configuration file', told => warnings.push(told))
  const file = configLayer(text, path)
  return {
    layer: mergeSettings([given, file]),
    // What has no secrets may be read by everybody.
    warnings: hasSecrets(file) ? warnings : [],
  }
}

/** What the command line gives; options that are the command's own stay there. */
export function flagLayer({ command, flags, words }: Arguments): SettingLayer {
  const source = { kind: 'flag' } as const
  const value = imageArguments(words, command === 'config' ? 'show' : command)
  return {
    settings: new Map(
      OPTION_TABLE.flatMap(({ key }) => {
        const value = flags.get(key)
        return value === undefined ? [] : [[key, { value, source }] as const]
      }),
    ),
    images: value && { value, source },
  }
}

function hasSecrets({ settings, images }: SettingLayer): boolean {
  const isSecret = (key: string, value: SettingValue): boolean => {
    const entry = FILE_OPTIONS.get(key)
    return entry !== undefined && holdsSecret(entry, value)
  }
  if ([...settings].some(([key, { value }]) => isSecret(key, value))) return true
  if (images === undefined) return false
  const { value } = images
  const all = 'exports' in value ? value.exports : [value]
  return all.some(
    image =>
      /^[a-z]+:\/\/[^/?#@]*:[^/?#]*@/i.test(image.url) ||
      ('settings' in image && [...(image.settings ?? [])].some(([key, own]) => isSecret(key, own))),
  )
}
