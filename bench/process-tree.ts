// The processes that a process has started, and theirs: also those that have left its process group,
// as fio's jobs do. Linux only: elsewhere nothing is found, and the process group has to do.

import { readdirSync, readFileSync } from 'node:fs'

/** Everything below a process, itself left out. To be asked before it is killed: its orphans are nobody's. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const [child, parent] of parents()) {
    children.set(parent, [...(children.get(parent) ?? []), child])
  }
  const found: number[] = []
  const look = (parent: number): void => {
    for (const child of children.get(parent) ?? []) {
      found.push(child)
      look(child)
    }
  }
  look(pid)
  return found
}

/** Every process and its parent. */
function parents(): [number, number][] {
  let names: string[]
  try {
    names = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  } catch {
    return []
  }
  return names.flatMap((name): [number, number][] => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      // Behind the program's name, which may contain anything: the state, then the parent.
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return [[Number(name), Number(parent)]]
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}
