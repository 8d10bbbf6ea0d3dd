// Messages name options by their flags. Where a variable or a file gave what is refused, this says so.

import { shownText } from '../../shared/unsafe-text.js'
import { OPTION_TABLE } from '../option-table.js'
import type { SettingLayer, SettingSource } from './setting.js'

const KEY_OF_FLAG: ReadonlyMap<string, string> = new Map(
  OPTION_TABLE.map(({ long, key }) => [long, key]),
)

/** The message, with the origin of each option in it that no flag gave, in brackets behind it. */
export function explainSources(message: string, { settings, images }: SettingLayer): string {
  const notes = new Set<string>()
  for (const [flag] of message.matchAll(/--[a-z][a-z0-9-]*/g)) {
    const key = KEY_OF_FLAG.get(flag)
    const source = key === undefined ? undefined : settings.get(key)?.source
    if (source === undefined || source.kind === 'flag') continue
    notes.add(`${flag} is ${sourceName(source, key as string)}`)
  }
  if (/\bURL\b/.test(message) && images !== undefined && images.source.kind !== 'flag') {
    notes.add(`the URL is ${sourceName(images.source, 'url' in images.value ? 'url' : 'exports')}`)
  }
  return notes.size === 0 ? message : `${message} (${[...notes].join(', ')})`
}

function sourceName(source: SettingSource, key: string): string {
  if (source.kind === 'variable') return source.name
  return source.kind === 'file' ? `'${key}' in '${shownText(source.name)}'` : 'a flag'
}
