// The JSON Schema of configuration files, made from the option table: docs/config.schema.json, which
// a test compares with this.

import { type OptionEntry, optionHelp, optionVariable } from '../option-table.js'
import { parseOptionValue } from '../option-values.js'
import { EXPORT_OPTIONS, FILE_OPTIONS } from './config-file.js'

type Schema = Readonly<Record<string, unknown>>

const SIZE_TEXT: Schema = { type: 'string', pattern: '^[0-9]+[KMGTkmgt]?$' }
const URL_HELP =
  "http or https URL of the disk image, or the vpx:// or esx:// URI of its server, with 'disk'"
const DISK_HELP = "Disk of a vpx:// or esx:// server: '[datastore] VM/VM.vmdk'"

/** The schema, of draft 2020-12. */
export function configSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of nbd-prefetch',
    description:
      'What --config FILE holds. Each option means what its flag does; flags and variables count before it.',
    type: 'object',
    additionalProperties: false,
    dependentRequired: { disk: ['url'] },
    dependentSchemas: { exports: { properties: { url: false, disk: false } } },
    properties: {
      $schema: { description: 'Where this schema lies, for editors' },
      url: { type: 'string', description: `${URL_HELP}. Variable NBD_PREFETCH_URL` },
      disk: { type: 'string', description: `${DISK_HELP}. Variable NBD_PREFETCH_DISK` },
      exports: {
        description: 'Several images, in place of url',
        type: 'array',
        minItems: 1,
        items: { $ref: '#/$defs/export' },
      },
      ...Object.fromEntries([...FILE_OPTIONS].map(([key, entry]) => [key, optionSchema(entry)])),
    },
    $defs: {
      export: {
        description:
          'One image under a name. What it says of its origin counts in place of what is said for all',
        type: 'object',
        additionalProperties: false,
        required: ['name', 'url'],
        properties: {
          name: {
            type: 'string',
            description:
              "What clients ask for; '' is what those get that name none. Each has another",
          },
          url: { type: 'string', description: URL_HELP },
          disk: { type: 'string', description: DISK_HELP },
          description: {
            type: 'string',
            description:
              'Shown to clients that list the exports; by default the URL without secrets',
          },
          ...Object.fromEntries(
            [...EXPORT_OPTIONS.keys()].map(key => [key, { $ref: `#/properties/${key}` }]),
          ),
        },
      },
    },
  }
}

/** The text of docs/config.schema.json. */
export function configSchemaText(): string {
  return `${JSON.stringify(configSchema(), null, 2)}\n`
}

function optionSchema(entry: OptionEntry): Schema {
  const fallback = defaultOf(entry)
  return {
    description: `${optionHelp(entry)}. Flag ${entry.long}, variable ${optionVariable(entry)}`,
    ...typeOf(entry),
    ...(fallback !== undefined && { default: fallback }),
  }
}

function typeOf({ kind, min, max, choices }: OptionEntry): Schema {
  const bounds = {
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
  }
  switch (kind) {
    case 'text':
      return { type: 'string' }
    case 'list':
      return { type: 'array', items: { type: 'string' } }
    case 'switch':
      return { type: 'boolean' }
    case 'integer':
      return { type: 'integer', ...bounds }
    case 'seconds':
      return { type: 'number', ...bounds }
    case 'choice':
      return { enum: choices ?? [] }
    case 'mode':
      return { type: 'string', pattern: '^0?[0-7]{3}$' }
    case 'size':
    case 'size-power-of-2':
      return { anyOf: [{ type: 'integer', ...bounds }, SIZE_TEXT] }
    case 'readahead':
      return { anyOf: [{ enum: ['auto', 'off'] }, { type: 'integer', ...bounds }, SIZE_TEXT] }
  }
}

/** Only what a file could say itself: not every default is a value. */
function defaultOf(entry: OptionEntry): unknown {
  if (entry.kind === 'switch') return false
  if (entry.default === undefined || entry.kind === 'text' || entry.kind === 'list')
    return undefined
  try {
    const value = parseOptionValue(entry, entry.default)
    return entry.kind === 'integer' || entry.kind === 'seconds' ? value : entry.default
  } catch {
    return undefined
  }
}
