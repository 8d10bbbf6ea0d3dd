// Which processes have come from a process, and signals for all of them. The command of --run stays
// in our process group, so that Ctrl-C, Ctrl-Z and reads from the terminal work in it as if it had
// been started there and whoever kills the group gets it, too. Hence a signal that was sent to us
// alone is handed on to each of its processes by id, and not to a group of its own.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** A process, and what tells it from a later one with the same id. */
interface ProcessRecord {
  readonly pid: number
  readonly parent: number
  readonly started: string
}

/** A process and whatever it starts, directly or not. */
export class ProcessTree {
  readonly #root: number
  /** Processes seen so far: they stay in sight when their parent ends before they do. */
  #known = new Map<number, string>()

  /** @param root id of a process that has just been started */
  constructor(root: number) {
    this.#root = root
  }

  /**
   * Sends a signal to every process of the tree that lives. Never throws: what can't be signalled
   * has ended, or belongs to somebody else by now.
   */
  kill(signal: NodeJS.Signals): void {
    // Who is about to be killed starts no more processes behind our back.
    if (signal === 'SIGKILL') this.#sendUntilSettled('SIGSTOP')
    for (const pid of this.#look()) send(pid, signal)
  }

  #sendUntilSettled(signal: NodeJS.Signals): void {
    const sent = new Set<number>()
    for (;;) {
      const fresh = this.#look().filter(pid => !sent.has(pid))
      if (fresh.length === 0) return
      for (const pid of fresh) {
        sent.add(pid)
        send(pid, signal)
      }
    }
  }

  /** Ids of the living processes, parents first. */
  #look(): number[] {
    const living = new Map(listProcesses().map(record => [record.pid, record]))
    const children = new Map<number, ProcessRecord[]>()
    for (const record of living.values()) {
      const siblings = children.get(record.parent)
      if (siblings === undefined) children.set(record.parent, [record])
      else siblings.push(record)
    }
    const root = living.get(this.#root)
    if (this.#known.size === 0 && root !== undefined) this.#known.set(root.pid, root.started)
    const open = [...this.#known]
      .filter(([pid, started]) => living.get(pid)?.started === started)
      .map(([pid]) => living.get(pid) as ProcessRecord)
    const found = new Map<number, string>()
    for (const record of open) {
      if (found.has(record.pid)) continue
      found.set(record.pid, record.started)
      open.push(...(children.get(record.pid) ?? []))
    }
    this.#known = found
    return [...found.keys()]
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}

/** All processes of the system that can be seen. */
function listProcesses(): ProcessRecord[] {
  try {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .flatMap(name => readProcess(Number(name)) ?? [])
  } catch {
    return askPs()
  }
}

/** From /proc/PID/stat; see proc(5). Undefined if it has ended. */
function readProcess(pid: number): ProcessRecord | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The second field is the program's name in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { pid, parent: Number(fields[1]), started: fields[19] ?? '' }
}

/** Where there is no /proc. */
function askPs(): ProcessRecord[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,lstart='], { encoding: 'utf8' })
  return [...(stdout ?? '').matchAll(/^\s*(\d+)\s+(\d+)\s+(.*)$/gm)].map(
    ([, pid, parent, started]) => ({
      pid: Number(pid),
      parent: Number(parent),
      started: started ?? '',
    }),
  )
}
