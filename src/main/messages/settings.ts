// Messages: the configuration file and the variables NBD_PREFETCH_….

import type { Catalogue } from '../../shared/message.js'

export const SETTINGS_MESSAGES = {
  'config-empty': {
    text: 'Cannot use {file}: it is empty',
    means: 'A configuration file holds a JSON object.',
    fix: 'An object without anything is written {}.',
  },
  'config-encoding': {
    text: 'Cannot use {file}: it is UTF-16, expected UTF-8',
    means:
      'An editor or PowerShell has saved the configuration file in an encoding that JSON files do not have.',
    fix: 'Save it as UTF-8, or change it by `iconv -f UTF-16 -t UTF-8`. A byte order mark is no harm.',
  },
  'config-json': {
    text: 'Cannot use {file}: it is no JSON at line {line}, column {column}: {problem}',
    means: 'The configuration file breaks the rules of JSON at that place.',
    fix: 'Names and texts have double quotes, and no comma stands behind the last entry.',
  },
  'config-disk': {
    text: "Cannot use 'disk' in {file} without 'url': it names a disk of that server",
    means: 'The server of the disk is not named.',
    fix: '',
  },
  'config-url-and-exports': {
    text: "Cannot use '{key}' together with 'exports' in {file}: make it one of them",
    means: 'The file names one image and several.',
    fix: '',
  },
  'config-exports': {
    text: "Cannot use 'exports' in {file}: expected an array of one export or more",
    means: 'Several images are an array of objects with name and url each.',
    fix: '',
  },
  'config-name-twice': {
    text: "Cannot use 'exports' in {file}: two are called '{name}'",
    means: 'Clients could not tell them apart.',
    fix: '',
  },
  'config-in-config': {
    text: 'Cannot use {key}: a configuration file names no other',
    means: 'There is one file.',
    fix: '',
  },
  'config-key-of-server': {
    text: "Cannot use {key}: it holds for the whole server, say it outside of 'exports'",
    means: 'Exports of one process share it.',
    fix: '',
  },
  'config-key': {
    text: 'Cannot use {key}: there is no option of that name{hint}',
    means: 'The file has a key that is no option: it may be misspelt.',
    fix: 'Keys are flags in camel case: ringSize for `--ring-size`. docs/config.schema.json lets editors complete them.',
  },
  'config-type': {
    text: 'Cannot use {what}: expected {expected}, got {type}',
    means: 'The file has JSON of another kind in that place.',
    fix: '',
  },
  'config-missing': {
    text: "Cannot use {what}: its '{key}' is missing",
    means: 'Each export has a name and a URL.',
    fix: '',
  },
  'config-value': {
    text: 'Cannot use {value} for {key}: expected {expected}',
    means: 'The value of a key is of another type, form or size than its option has.',
    fix: '',
  },
  'variable-disk': {
    text: 'Cannot use {disk} without {url}: it names a disk of that server',
    means: 'The server of the disk is not named.',
    fix: '',
  },
  'variable-switch': {
    text: "Cannot use '{value}' for {name}: expected 1, true, yes, 0, false or no",
    means: 'The option is a switch.',
    fix: '',
  },
  variable: {
    text: 'Cannot use the variable {name}: there is no option of that name{hint}',
    means: 'Every variable NBD_PREFETCH_… must be an option, so that none is misspelt in silence.',
    fix: 'Take the name that is proposed, if one is, or unset it.',
  },
} as const satisfies Catalogue
