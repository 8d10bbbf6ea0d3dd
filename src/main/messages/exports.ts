// Messages: which images are served, under which names.

import type { Catalogue } from '../../shared/message.js'

export const EXPORT_MESSAGES = {
  'url-and-exports': {
    text: 'Cannot use a URL together with exports: make it one of them',
    means: 'A program gave `serve()` both `url` and `exports`.',
    fix: '',
  },
  'name-and-exports': {
    text: 'Cannot use --export-name together with exports: each has its own name',
    means: 'The images are named as NAME=URL, so one name for all says nothing.',
    fix: '',
  },
  'no-export': {
    text: 'Cannot serve: there is no export',
    means: 'The list of exports is empty.',
    fix: '',
  },
  'export-without-name': {
    text: 'Cannot serve an export without a name',
    means: 'An entry of `exports` has no `name`.',
    fix: "The name '' is that of the default export.",
  },
  'name-twice': {
    text: "Cannot serve two exports called '{name}'",
    means: 'Clients could not tell them apart.',
    fix: '',
  },
  'secret-of-many-origins': {
    text: "Cannot use the option '{key}' for exports of {count} origins: say it of each export that needs it",
    means: 'A secret is meant for one server, and would be shown to all of them.',
    fix: 'Start one process for each server, or give the option inside the entry of `exports`.',
  },
  'argument-without-name': {
    text: 'Cannot {verb} argument {number} beside exports with names: expected NAME=URL',
    means: 'Some of the images have names and this one has not.',
    fix: '',
  },
  'argument-name': {
    text: "Cannot {verb} argument {number}: a name before '=' can't have ':', '/' or '='; use --config, or --export-name for a single image",
    means: 'The argument is taken for NAME=URL, whose name ends at the first of these characters.',
    fix: 'Write the images into a JSON file, as `"exports": [{ "name": "a/b", "url": "https://host/disk.img" }]`, and give it by `--config`; or take another name. One image is named by `-e a/b`.',
  },
  'several-urls': {
    text: 'Cannot {verb} more than one URL: got {count} arguments, quote those with spaces{naming}',
    means: 'A URL or a path with a space was not quoted, or several images were meant.',
    fix: '',
  },
  'url-type': {
    text: 'Cannot use a value of type {type} as URL: expected text',
    means: 'A program gave `serve()` a URL of another type.',
    fix: 'Give the `href` of a `URL`.',
  },
  'url-form': {
    text: "Cannot use '{url}' as URL: it is not a valid one, expected https://host/disk.img",
    means: 'It cannot be taken apart: the scheme may be missing, or the port be none.',
    fix: '',
  },
  'url-scheme': {
    text: "Cannot use '{url}' as URL: only http and https are supported, not {scheme}",
    means: 'Images are read over HTTP alone, and vpx:// and esx:// URIs in their place.',
    fix: '',
  },
  'url-percent': {
    text: "Cannot use '{url}' as URL: its {part} has a stray '%', write it as %25",
    means: 'User and password of a URL are percent-encoded.',
    fix: 'Give the password by `--password-file`, where nothing is encoded.',
  },
  'url-protocols': {
    text: 'Cannot use the URL: --protocols does not allow {scheme}',
    means: 'The scheme of the URL itself is not in the list.',
    fix: '',
  },
  'url-and-flag': {
    text: 'Cannot use {flag}: the URL carries a different one, leave out either',
    means: 'User or password are given twice, and differ.',
    fix: '',
  },
  'vmware-no-disk': {
    text: "Cannot serve a disk of {scheme}://{host}: its name is missing, as in '[datastore] VM/VM.vmdk'",
    means: 'The URI names the server; which disk of it is a second argument.',
    fix: '',
  },
  'vmware-disk-form': {
    text: "Cannot use '{disk}' as a disk of {scheme}://{host}: expected '[datastore] VM/VM.vmdk'",
    means: 'The disk is named as in the settings of the virtual machine.',
    fix: 'Quote it: it has a space and brackets.',
  },
  'vmware-no-datacenter': {
    text: "Cannot serve a disk of vCenter: the URI lacks the datacenter, as in 'vpx://user@vcenter/Datacenter/host'",
    means: 'A vCenter has datacenters, each with datastores of its own.',
    fix: '',
  },
  'vmware-proxy': {
    text: "Cannot use 'proxy=' of the {scheme} URI: give the proxy as an option",
    means: "The URI's own parameter means another kind of proxy.",
    fix: 'Give `--proxy`.',
  },
  'vmware-percent': {
    text: "Cannot use '{uri}': it has a stray '%'",
    means: 'User, datacenter and host of the URI are percent-encoded.',
    fix: 'Write the character % as %25, and a backslash in a user name as %5c.',
  },
  'disk-with-url': {
    text: "Cannot use a disk's name together with an http or https URL: only vpx:// and esx:// take one",
    means: 'An http URL names the file itself.',
    fix: '',
  },
} as const satisfies Catalogue
