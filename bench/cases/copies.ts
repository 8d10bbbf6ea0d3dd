// Copies of a whole image by the programs people copy with.

import type { Workload } from './workload.js'

type Command = readonly [string, ...string[]]

function copy(
  label: string,
  program: string,
  command: (source: string, target: string) => Command,
  { drivers = false, keeps = true } = {},
): Workload {
  return {
    label,
    needs: [program],
    command: source => command(source, keeps ? 'TARGET' : 'null:').join(' '),
    with: drivers ? ['server', 'driver'] : ['server'],
    copies: keeps,
    async measure({ sources: [source = ''], targets: [target = ''], size, finish }) {
      const { seconds, peakBytes } = await finish(command(source, target))
      return { seconds, peakBytes, bytes: size, content: keeps ? 'targets' : 'unseen' }
    },
  }
}

/** `qemu-img convert` to raw, onto a file that exists already. */
export function qemuConvert(
  source: string,
  target: string,
  flags: readonly string[] = [],
  format: 'raw' | 'qcow2' = 'raw',
): Command {
  // A json: name states its format itself, in the words of a shell, too.
  const from = /^'?json:/.test(source) ? [] : ['-f', format]
  return ['qemu-img', 'convert', ...flags, '-n', ...from, '-O', 'raw', source, target]
}

/** @param flags - of the command line; its default is `-m 8` */
export function convert(flags: readonly string[]): Workload {
  return copy(
    ['qemu-img convert', ...flags].join(' '),
    'qemu-img',
    (source, target) => qemuConvert(source, target, flags),
    { drivers: true },
  )
}

/** @param connections - undefined leaves nbdcopy its default, one a core up to 4 */
export function nbdcopy(connections?: number, toNull = false): Workload {
  // nbdcopy takes no more connections than it has threads.
  const flags =
    connections === undefined ? [] : [`--connections=${connections}`, `--threads=${connections}`]
  return copy(
    ['nbdcopy', ...flags.slice(0, 1), ...(toNull ? ['to null:'] : [])].join(' '),
    'nbdcopy',
    (source, target) => ['nbdcopy', ...flags, source, toNull ? 'null:' : target],
    { keeps: !toNull },
  )
}

/** Several exports of one origin, each converted by a qemu-img of its own at the same time. */
export function disks(count: number): Workload {
  return {
    label: `${count} disks at once, qemu-img`,
    needs: ['qemu-img'],
    command: source => `${count} × ${qemuConvert(source, 'TARGET').join(' ')}`,
    with: ['server', 'driver'],
    copies: false,
    keeps: true,
    disks: count,
    usualSize: 64 * 1024 * 1024,
    async measure({ sources, targets, size, finish }) {
      const start = performance.now()
      const all = await Promise.allSettled(
        sources.map((source, i) => finish(qemuConvert(source, targets[i] as string))),
      )
      const seconds = (performance.now() - start) / 1000
      const done = all.map(one => {
        if (one.status === 'rejected') throw one.reason
        return one.value
      })
      const rates = done.map(one => size / one.seconds)
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
      return {
        seconds,
        bytes: size * count,
        content: 'targets',
        peakBytes: done.reduce((sum, one) => sum + (one.peakBytes ?? 0), 0),
        // Of a fair share: 1 means that all went equally fast.
        extra: { slowestShare: Math.min(...rates) / mean, fastestShare: Math.max(...rates) / mean },
      }
    },
  }
}
