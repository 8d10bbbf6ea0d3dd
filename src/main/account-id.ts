// The numbers of users and groups. Node offers neither getpwnam(3) nor getgrnam(3): the local files
// are read, and an account that a directory service knows is to be given by its number.

import { readFileSync } from 'node:fs'

/** Number of a user given by name or number; undefined if the name is not known. */
export function userId(user: string, file = '/etc/passwd'): number | undefined {
  return accountId(user, file)
}

/** Number of a group given by name or number; undefined if the name is not known. */
export function groupId(group: string, file = '/etc/group'): number | undefined {
  return accountId(group, file)
}

/** Both files begin their lines alike: name:password:number: */
function accountId(account: string, file: string): number | undefined {
  if (/^\d{1,10}$/.test(account)) return Number(account)
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [name, , id] = line.split(':')
    if (name === account && id !== undefined) return Number(id)
  }
  return undefined
}
