// Flags, variables and a configuration file made into one: for each option the strongest source
// counts. Pure; what is read is handed in.

import { replacedKeys } from '../option-table.js'
import type { SettingLayer, SettingValue, Sourced } from './setting.js'

/**
 * For each option the value of the strongest layer that has one. Options that exclude each other
 * count as one: a port given by a flag is not refused for the sake of a Unix socket in a file.
 *
 * @param layers the strongest first
 */
export function mergeSettings(layers: readonly SettingLayer[]): SettingLayer {
  const settings = new Map<string, Sourced<SettingValue>>()
  const silenced = new Set<string>()
  let images: SettingLayer['images']
  for (const layer of layers) {
    const added = [...layer.settings].filter(([key]) => !settings.has(key) && !silenced.has(key))
    for (const [key, setting] of added) settings.set(key, setting)
    for (const key of replacedBy(added)) silenced.add(key)
    if (images !== undefined || layer.images === undefined) continue
    images = layer.images
    // Several images have names of their own.
    if ('exports' in images.value) silenced.add('exportName')
  }
  return { settings, images }
}

/** Keys of the options whose place the settings take. */
export function replacedBy(settings: Iterable<[string, Sourced<SettingValue>]>): Set<string> {
  const keys = new Set<string>()
  for (const [key, { value }] of settings) {
    // A switch that is off takes nothing's place.
    if (value === false) continue
    for (const other of replacedKeys(key)) keys.add(other)
  }
  return keys
}
