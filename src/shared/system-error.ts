// What the operating system says of a failed call, in its own words and without path or call.

import { getSystemErrorMap } from 'node:util'

/** What the system says of an error, without call and path: 'no such file or directory'. */
export function systemErrorText(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? String(message)
}
