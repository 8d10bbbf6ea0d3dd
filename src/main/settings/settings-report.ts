// The settings that hold and where each comes from, for people and as JSON. No secret is in it.

import { shownText } from '../../shared/unsafe-text.js'
import { DEFAULTS, defaultWorkers } from '../defaults.js'
import { isPrivate } from '../invocation.js'
import { OPTION_TABLE, type OptionEntry, optionVariable } from '../option-table.js'
import { parseOptionValue } from '../option-values.js'
import { formatSize } from '../parse-size.js'
import { redactUrls } from '../source/credentials.js'
import { EXPORT_OPTIONS } from './config-file.js'
import { maskedValue } from './masking.js'
import { replacedBy } from './merge.js'
import type { Images, NamedImage, SettingLayer, SettingSource, SettingValue } from './setting.js'

/** Raised when a field of the JSON changes its meaning or goes. */
export const SCHEMA = 1

/** One option. */
export interface ReportedSetting {
  readonly key: string
  readonly flag: string
  readonly variable: string
  /** Masked; null where nothing gives it and the default is no value, or takes no effect. */
  readonly value: SettingValue | null
  readonly from: SettingSource['kind'] | 'default'
  /** Of the variable or file. */
  readonly name?: string
  /** As help shows it. */
  readonly default?: string
}

/** One image. */
export interface ReportedImage {
  readonly name: string | null
  readonly url: string
  readonly disk?: string
  readonly description?: string
  /** What holds for it alone, masked, by key. */
  readonly settings: Readonly<Record<string, SettingValue>>
}

/** All of it. */
export interface SettingsReport {
  readonly schema: typeof SCHEMA
  /** Null if no source names an image. */
  readonly images: {
    readonly from: SettingSource['kind']
    readonly name?: string
    readonly list: readonly ReportedImage[]
  } | null
  readonly settings: readonly ReportedSetting[]
}

/** @param cores processor cores this process may use */
export function reportSettings({ settings, images }: SettingLayer, cores: number): SettingsReport {
  const replaced = replacedBy(settings)
  // Made by isPrivate(), and there like a socket that was asked for.
  const unix = isPrivate(settings)
  if (unix) for (const key of ['port', 'ipaddr']) replaced.add(key)
  // Several exports have names of their own.
  if (images !== undefined && 'exports' in images.value) replaced.add('exportName')
  const report = (entry: OptionEntry): ReportedSetting => {
    const setting = settings.get(entry.key)
    const isOff = replaced.has(entry.key)
    const fallback = entry.key === 'unix' && unix ? '-' : isOff ? null : defaultOf(entry, cores)
    return {
      key: entry.key,
      flag: entry.long,
      variable: optionVariable(entry),
      value: setting === undefined ? fallback : maskedValue(entry, setting.value),
      ...(setting === undefined ? { from: 'default' } : named(setting.source)),
      ...(entry.default !== undefined && !isOff && { default: entry.default }),
    }
  }
  return {
    schema: SCHEMA,
    images:
      images === undefined
        ? null
        : { ...named(images.source), list: listOf(images.value).map(reportImage) },
    settings: OPTION_TABLE.map(report),
  }
}

/** As a table, each line of it with its end. */
export function settingsText({ images, settings }: SettingsReport): string {
  const rows = [
    ...(images === null ? [] : images.list.flatMap(image => imageRows(image, sourceText(images)))),
    ...settings.flatMap(setting => {
      const value = valueText(setting)
      return value === undefined ? [] : [[setting.flag, value, sourceText(setting)] as const]
    }),
  ]
  const widthOf = (column: 0 | 1) => Math.max(...rows.map(row => row[column].length))
  const [first, second] = [widthOf(0), widthOf(1)]
  return rows
    .map(([name, value, from]) => `${name.padEnd(first)}  ${value.padEnd(second)}  ${from}\n`)
    .join('')
}

type Row = readonly [name: string, value: string, from: string]

function imageRows(image: ReportedImage, from: string): Row[] {
  const { name, url, disk, description, settings } = image
  const label = name === null ? '' : `export '${shownText(name)}' `
  const row = (what: string, value: string): Row => [`${label}${what}`, value, from]
  return [
    row('url', shownText(url)),
    ...(disk === undefined ? [] : [row('disk', shownText(disk))]),
    ...(description === undefined ? [] : [row('description', shownText(description))]),
    ...Object.entries(settings).map(([key, value]) => {
      const entry = EXPORT_OPTIONS.get(key) as OptionEntry
      return row(entry.long, showValue(entry, value))
    }),
  ]
}

function listOf(images: Images): readonly NamedImage[] | readonly [Images & { url: string }] {
  return 'exports' in images ? images.exports : [images]
}

function reportImage(image: Partial<NamedImage> & { url: string }): ReportedImage {
  const { name = null, url, settings = new Map<string, SettingValue>(), ...rest } = image
  const masked = [...settings].map(([key, value]) => {
    const entry = EXPORT_OPTIONS.get(key) as OptionEntry
    return [key, maskedValue(entry, value)] as const
  })
  return { name, url: redactUrls(url), ...rest, settings: Object.fromEntries(masked) }
}

function named(source: SettingSource): { from: SettingSource['kind']; name?: string } {
  return source.kind === 'flag' ? { from: 'flag' } : { from: source.kind, name: source.name }
}

function sourceText({ from, name }: Pick<ReportedSetting, 'from' | 'name'>): string {
  return name === undefined ? from : shownText(name)
}

/** The default as a value; null where it is none but a description. */
function defaultOf(entry: OptionEntry, cores: number): SettingValue | null {
  if (entry.key === 'workers') return defaultWorkers(cores)
  if (entry.kind === 'switch') return false
  const value = (DEFAULTS as Readonly<Record<string, unknown>>)[entry.key]
  if (typeof value === 'string' || typeof value === 'number') return value
  if (entry.default === undefined || entry.kind === 'text' || entry.kind === 'list') return null
  try {
    return parseOptionValue(entry, entry.default)
  } catch {
    return null
  }
}

/** Undefined for what nobody gave and is not there by default. */
function valueText({ key, value, from, default: fallback }: ReportedSetting): string | undefined {
  const entry = OPTION_TABLE.find(one => one.key === key) as OptionEntry
  if (from === 'default' && value === false) return undefined
  if (value === null) return fallback
  return showValue(entry, value)
}

function showValue({ kind }: OptionEntry, value: SettingValue): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'yes' : 'no'
    case 'number':
      if (kind === 'mode') return value.toString(8)
      return kind === 'integer' || kind === 'seconds' ? String(value) : formatSize(value)
    case 'string':
      return value === '' ? "''" : shownText(value)
    default:
      return value.map(shownText).join(', ') || 'none'
  }
}
