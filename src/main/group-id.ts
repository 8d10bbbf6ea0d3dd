// The number of a group. Node offers no getgrnam(3): the local file is read, and a group that a
// directory service knows is to be given by its number.

import { readFileSync } from 'node:fs'

/** Number of a group given by name or number; undefined if the name is not known. */
export function groupId(group: string, file = '/etc/group'): number | undefined {
  if (/^\d{1,10}$/.test(group)) return Number(group)
  // name:password:number:members
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [name, , id] = line.split(':')
    if (name === group && id !== undefined) return Number(id)
  }
  return undefined
}
