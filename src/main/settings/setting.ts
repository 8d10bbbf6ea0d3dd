// A setting and where it came from: what flags, variables and a configuration file have in common.

/** A value as the option table's kinds yield it; lists are of texts. */
export type SettingValue = string | number | boolean | readonly string[]

/** What gave a setting. */
export type SettingSource =
  | { readonly kind: 'flag' }
  | { readonly kind: 'variable'; readonly name: string }
  /** `name` is the file's path as it was given. */
  | { readonly kind: 'file'; readonly name: string }

/** A value and what gave it. */
export interface Sourced<T> {
  readonly value: T
  readonly source: SettingSource
}

/** By option key; absent where nothing gives one. */
export type Settings = ReadonlyMap<string, Sourced<SettingValue>>

/** One image under a name, with what holds for it alone. */
export interface NamedImage {
  readonly name: string
  readonly url: string
  readonly disk?: string
  readonly description?: string
  /** By option key. */
  readonly settings?: ReadonlyMap<string, SettingValue>
}

/** What is to be served: one image, or several under names. */
export type Images =
  | { readonly url: string; readonly disk?: string }
  | { readonly exports: readonly NamedImage[] }

/** What flags, or variables, or a file give, checked value by value against the option table. */
export interface SettingLayer {
  readonly settings: Settings
  /** Undefined if no image is named. */
  readonly images: Sourced<Images> | undefined
}
