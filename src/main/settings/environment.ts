// Settings from environment variables: one for each option, and NBD_PREFETCH_URL and …_DISK for the
// image. A variable that is set counts, even an empty one.

import { shownText } from '../../shared/unsafe-text.js'
import { OPTION_TABLE, type OptionEntry, optionVariable, VARIABLE_PREFIX } from '../option-table.js'
import { checkNumber, parseOptionValue } from '../option-values.js'
import { likeliest } from '../spelling.js'
import { type UsageError, usageError } from '../usage-error.js'
import type { Images, SettingLayer, SettingValue, Sourced } from './setting.js'

type Environment = Readonly<Record<string, string | undefined>>

/** The image's own variables. */
export const URL_VARIABLE = `${VARIABLE_PREFIX}URL`
export const DISK_VARIABLE = `${VARIABLE_PREFIX}DISK`

const BY_VARIABLE: ReadonlyMap<string, OptionEntry> = new Map(
  OPTION_TABLE.map(entry => [optionVariable(entry), entry]),
)
const SWITCH_TEXTS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['yes', true],
  ['0', false],
  ['false', false],
  ['no', false],
])
/** Kubernetes and Docker set such for a service that is called nbd-prefetch; PORT is tcp://… then. */
const SERVICE_LINK =
  /_SERVICE_HOST$|_SERVICE_PORT(?:_\w+)?$|(?:_|^)PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?$/
const SERVICE_ADDRESS = /^(?:tcp|udp|sctp):\/\//

/**
 * What the variables give. Those that container platforms set by themselves are passed over.
 *
 * @throws {UsageError} for a value that can't be used, or a variable of ours that there is not
 */
export function environmentLayer(env: Environment): SettingLayer {
  const settings = new Map<string, Sourced<SettingValue>>()
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.startsWith(VARIABLE_PREFIX)) continue
    if (name === URL_VARIABLE || name === DISK_VARIABLE || isServiceLink(name, text)) continue
    const entry = BY_VARIABLE.get(name)
    if (entry === undefined) throw unknownVariable(name)
    const value = readVariable(entry, text, name)
    settings.set(entry.key, { value, source: { kind: 'variable', name } })
  }
  const value = imageOf(env)
  const source = { kind: 'variable', name: URL_VARIABLE } as const
  return { settings, images: value && { value, source } }
}

function imageOf({ [URL_VARIABLE]: url, [DISK_VARIABLE]: disk }: Environment): Images | undefined {
  if (url !== undefined) return disk === undefined ? { url } : { url, disk }
  if (disk === undefined) return undefined
  throw usageError('variable-disk', { disk: DISK_VARIABLE, url: URL_VARIABLE })
}

function readVariable(entry: OptionEntry, text: string, name: string): SettingValue {
  if (entry.kind === 'list') return text.split(/\r?\n/).filter(line => line !== '')
  if (entry.kind === 'switch') {
    const value = SWITCH_TEXTS.get(text.toLowerCase())
    if (value !== undefined) return value
    throw usageError('variable-switch', { value: shownText(text), name })
  }
  const value = parseOptionValue(entry, text, name)
  return typeof value === 'number' ? checkNumber(entry, value, name) : value
}

function isServiceLink(name: string, text: string): boolean {
  const rest = name.slice(VARIABLE_PREFIX.length - 1)
  return SERVICE_LINK.test(rest) || (rest.endsWith('_PORT') && SERVICE_ADDRESS.test(text))
}

function unknownVariable(name: string): UsageError {
  const bare = (variable: string) => variable.slice(VARIABLE_PREFIX.length)
  const meant = likeliest(
    bare(name),
    [...BY_VARIABLE.keys(), URL_VARIABLE, DISK_VARIABLE].map(bare),
  )
  const hint = meant === undefined ? '' : `, did you mean ${VARIABLE_PREFIX}${meant}?`
  return usageError('variable', { name: shownText(name), hint })
}

/** The environment for what we start ourselves: our settings, secrets among them, are not meant for it. */
export function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith(VARIABLE_PREFIX)),
  )
}
