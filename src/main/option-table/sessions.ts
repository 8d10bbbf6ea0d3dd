// Options: being admitted to a server for a limited time: scripts that print cookies and headers, and logins.

import { DEFAULTS } from '../defaults.js'
import { LONGEST_WAIT_SECONDS, type OptionEntry } from './entry.js'

export const SESSIONS = [
  {
    key: 'session',
    long: '--session',
    value: 'none|vmware',
    group: 'Sessions',
    kind: 'text',
    default: DEFAULTS.session,
    help: "How to log in: 'vmware' gets one session cookie by --user and password, renews it and logs out; implied by vpx:// and esx://",
  },
  {
    key: 'cookieScript',
    long: '--cookie-script',
    value: 'SCRIPT',
    group: 'Sessions',
    kind: 'text',
    help: 'Send the cookies that a shell script prints; it is told $url and $iteration, and run again after a 401 or 403',
    nbdkit: 'cookie-script=',
    secret: 'text',
    replaces: ['cookie'],
  },
  {
    key: 'cookieScriptRenew',
    long: '--cookie-script-renew',
    value: 'SECONDS',
    group: 'Sessions',
    kind: 'seconds',
    default: String(DEFAULTS.scriptRenew),
    min: 0,
    max: LONGEST_WAIT_SECONDS,
    help: 'Run --cookie-script again before the next request once its cookies are this old; 0 only after a 401 or 403',
    nbdkit: 'cookie-script-renew=',
  },
  {
    key: 'headerScript',
    long: '--header-script',
    value: 'SCRIPT',
    group: 'Sessions',
    kind: 'text',
    help: "Send the request headers that a shell script prints, one 'Name: value' a line",
    nbdkit: 'header-script=',
    secret: 'text',
    replaces: ['headers'],
  },
  {
    key: 'headerScriptRenew',
    long: '--header-script-renew',
    value: 'SECONDS',
    group: 'Sessions',
    kind: 'seconds',
    default: String(DEFAULTS.scriptRenew),
    min: 0,
    max: LONGEST_WAIT_SECONDS,
    help: 'Run --header-script again before the next request once its headers are this old; 0 only after a 401 or 403',
    nbdkit: 'header-script-renew=',
  },
] as const satisfies readonly OptionEntry[]
