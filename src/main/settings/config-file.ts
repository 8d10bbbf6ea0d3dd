// The text of a configuration file as settings: an object of options by their names in the library,
// with the images. What is not understood is refused by its name: a line that counts for nothing would
// be found when it is too late.

import { shownText } from '../../shared/unsafe-text.js'
import { isPerExport } from '../option-table/per-export.js'
import { OPTION_TABLE, type OptionEntry, optionEntry } from '../option-table.js'
import { didYouMean } from '../spelling.js'
import { type UsageError, usageError } from '../usage-error.js'
import { readConfigValue, typeName } from './config-value.js'
import { findJsonFault } from './json-fault.js'
import type { Images, NamedImage, SettingLayer, SettingValue } from './setting.js'

type JsonObject = Readonly<Record<string, unknown>>

/** Keys of a file beside options, and what each takes. */
const FILE_KEYS = ['$schema', 'url', 'disk', 'exports'] as const
/** Keys of an export beside options. */
const EXPORT_KEYS = ['name', 'url', 'disk', 'description'] as const

const TABLE: readonly OptionEntry[] = OPTION_TABLE
/** Options by key that a file may give, as a whole and for one export. */
export const FILE_OPTIONS: ReadonlyMap<string, OptionEntry> = new Map(
  TABLE.filter(({ inFile }) => inFile !== false).map(entry => [entry.key, entry]),
)
export const EXPORT_OPTIONS: ReadonlyMap<string, OptionEntry> = new Map(
  TABLE.filter(isPerExport).map(entry => [entry.key, entry]),
)

/** Of a text in UTF-16 that was read as UTF-8: its byte order mark, or the half of a letter that is zero. */
const UTF_16 = /^(\ufffd\ufffd|.?\0)/s

/**
 * Reads the text of a configuration file.
 *
 * @param text with or without a byte order mark
 * @param path as the file was named
 * @throws {UsageError} for what is no configuration; names the file and the key, and shows no secret
 */
export function configLayer(text: string, path: string): SettingLayer {
  const file = `the configuration file '${shownText(path)}'`
  if (UTF_16.test(text)) throw usageError('config-encoding', { file })
  // Windows' editors put one in front.
  const json = text.replace(/^\ufeff/, '')
  const fault = findJsonFault(json)
  if (json.trim() === '') throw usageError('config-empty', { file })
  if (fault !== undefined) {
    const { line, column, what } = fault
    throw usageError('config-json', { file, line, column, problem: shownText(what) })
  }
  const content = object(JSON.parse(json) as unknown, file, 'an object of options')
  const source = { kind: 'file', name: path } as const
  const settings = optionsOf(content, FILE_OPTIONS, FILE_KEYS, ` in ${file}`)
  const value = imagesOf(content, file)
  return {
    settings: new Map([...settings].map(([key, value]) => [key, { value, source }])),
    images: value && { value, source },
  }
}

function imagesOf(content: JsonObject, file: string): Images | undefined {
  const { exports } = content
  const url = text(content, 'url', ` in ${file}`)
  const disk = text(content, 'disk', ` in ${file}`)
  if (exports === undefined) {
    if (url !== undefined) return disk === undefined ? { url } : { url, disk }
    if (disk === undefined) return undefined
    throw usageError('config-disk', { file })
  }
  if (url !== undefined || disk !== undefined) {
    const key = url === undefined ? 'disk' : 'url'
    throw usageError('config-url-and-exports', { key, file })
  }
  if (!Array.isArray(exports) || exports.length === 0) {
    throw usageError('config-exports', { file })
  }
  const images = exports.map((entry: unknown, index) => readExport(entry, index, file))
  for (const [index, { name }] of images.entries()) {
    if (images.findIndex(other => other.name === name) === index) continue
    throw usageError('config-name-twice', { file, name: shownText(name) })
  }
  return { exports: images }
}

function readExport(entry: unknown, index: number, file: string): NamedImage {
  const place = `'exports[${index}]' in ${file}`
  const content = object(entry, place, 'an object with a name and a url')
  const name = required(content, 'name', place)
  const where = ` of export '${shownText(name)}' in ${file}`
  const disk = text(content, 'disk', where)
  const description = text(content, 'description', where)
  const settings = optionsOf(content, EXPORT_OPTIONS, EXPORT_KEYS, where)
  return {
    name,
    url: required(content, 'url', `export '${shownText(name)}' in ${file}`),
    ...(disk !== undefined && { disk }),
    ...(description !== undefined && { description }),
    ...(settings.size > 0 && { settings }),
  }
}

/** @param where behind a key: " in the configuration file 'x.json'" */
function optionsOf(
  content: JsonObject,
  options: ReadonlyMap<string, OptionEntry>,
  others: readonly string[],
  where: string,
): ReadonlyMap<string, SettingValue> {
  const settings = new Map<string, SettingValue>()
  for (const [key, value] of Object.entries(content)) {
    if (others.includes(key)) continue
    const entry = options.get(key)
    const label = `'${shownText(key)}'${where}`
    if (entry === undefined) throw unknownKey(key, label, [...options.keys(), ...others])
    settings.set(key, readConfigValue(entry, value, label))
  }
  return settings
}

function unknownKey(key: string, label: string, known: readonly string[]): UsageError {
  if (key === optionEntry('config').key) {
    return usageError('config-in-config', { key: label })
  }
  if (FILE_OPTIONS.has(key)) return usageError('config-key-of-server', { key: label })
  return usageError('config-key', { key: label, hint: didYouMean(key, known) })
}

function object(value: unknown, what: string, expected: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject
  }
  throw usageError('config-type', { what, expected, type: typeName(value) })
}

function required(content: JsonObject, key: 'name' | 'url', place: string): string {
  const value = text(content, key, ` of ${place}`)
  if (value !== undefined) return value
  throw usageError('config-missing', { what: place, key })
}

function text(content: JsonObject, key: string, where: string): string | undefined {
  const value = content[key]
  if (value === undefined || typeof value === 'string') return value
  throw usageError('config-value', {
    value: typeName(value),
    key: `'${key}'${where}`,
    expected: 'a text',
  })
}
