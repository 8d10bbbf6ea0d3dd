// Processor time and memory of processes, read from /proc: no program is needed for it, and nothing
// is changed in what is measured. Everything is undefined where /proc is not (macOS).

import { readFileSync } from 'node:fs'

/** Clock ticks a second: 100 on every Linux there is. */
const TICKS = 100

/** Processor seconds of a process, by thread. */
export interface ThreadSeconds {
  readonly main: number
  /** Worker threads, and what the runtime does beside them (garbage, compilation). */
  readonly others: number
}

/** User and system seconds of a running process. */
export function cpuSecondsOf(pid: number | undefined): number | undefined {
  const fields = statFields(`/proc/${pid}/stat`)
  return fields === undefined ? undefined : seconds(fields, 11)
}

/** User and system seconds of all children of this process that have ended, and of theirs. */
export function endedChildrenSeconds(): number | undefined {
  const fields = statFields('/proc/self/stat')
  return fields === undefined ? undefined : seconds(fields, 13)
}

/** Seconds of a running process's main thread and of its others, those that have ended included. */
export function threadSecondsOf(pid: number | undefined): ThreadSeconds | undefined {
  const all = cpuSecondsOf(pid)
  const fields = statFields(`/proc/${pid}/task/${pid}/stat`)
  if (all === undefined || fields === undefined) return undefined
  const main = seconds(fields, 11)
  return { main, others: Math.max(0, all - main) }
}

/** Most memory a running process has held, bytes. */
export function peakBytesOf(pid: number | undefined): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1024
  } catch {
    return undefined
  }
}

/** The fields behind the program's name, which may contain anything. */
function statFields(path: string): string[] | undefined {
  try {
    const stat = readFileSync(path, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function seconds(fields: readonly string[], at: number): number {
  return (Number(fields[at]) + Number(fields[at + 1])) / TICKS
}
