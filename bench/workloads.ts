// What is asked of a server: the copies people make, as commands from an NBD URI to a file.

/** A client program copying a whole image. */
export interface Workload {
  readonly label: string
  readonly needs: readonly string[]
  readonly copy: (uri: string, target: string) => readonly [string, ...string[]]
}

const convert = (label: string, flags: readonly string[]): Workload => ({
  label,
  needs: ['qemu-img'],
  copy: (uri, target) => [
    'qemu-img',
    'convert',
    ...flags,
    '-n',
    '-f',
    'raw',
    '-O',
    'raw',
    uri,
    target,
  ],
})

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  'qemu-img': convert('qemu-img convert', []),
  'qemu-img-m1': convert('qemu-img convert -m 1', ['-m', '1']),
  'qemu-img-m16W': convert('qemu-img convert -m 16 -W', ['-m', '16', '-W']),
  nbdcopy: {
    label: 'nbdcopy',
    needs: ['nbdcopy'],
    copy: (uri, target) => ['nbdcopy', uri, target],
  },
}
