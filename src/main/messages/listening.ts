// Messages: an address that clients were to connect to, and that can't be had.

import type { Catalogue } from '../../shared/message.js'

export const LISTEN_MESSAGES = {
  listen: {
    text: 'Cannot listen on {where}: {problem}',
    means: 'The system refuses the address or the directory of the socket.',
    fix: 'Another server may be running there (`ss -ltnp`, `ss -lxp`); ports below 1024 are for root. `--port 0` takes any free port.',
  },
  'socket-in-use': {
    text: 'Cannot listen on {where}: the socket is in use by another server',
    means: 'A living server answers on that path.',
    fix: 'End it, or take another path. A file that nobody listens on any more is replaced by itself.',
  },
  'socket-path-limit': {
    text: 'Cannot listen on {where}: a socket path is limited to {most} bytes and this one has {bytes}',
    means: "The limit is the system's; a long TMPDIR counts, too.",
    fix: 'Take a shorter directory, or a relative path.',
  },
  'socket-path-empty': {
    text: "Cannot listen on '': the socket path is empty",
    means: 'A path is needed.',
    fix: '',
  },
  'socket-path-nul': {
    text: 'Cannot listen on {where}: the path contains NUL',
    means: 'No file can have that name.',
    fix: '',
  },
  'private-socket': {
    text: 'Cannot listen on a private socket: no directory can be made in {directory} ({problem})',
    means: 'The directory for temporary files cannot be written.',
    fix: 'Set TMPDIR, or name a path by `--unix`.',
  },
  'not-a-socket': {
    text: 'Cannot listen on {where}: it exists and is not a socket',
    means: 'A file of another kind has that path, and is left alone.',
    fix: 'Take another path.',
  },
  'socket-account': {
    text: 'Cannot listen on {where}: the {what} is not known',
    means: 'Names are looked up in /etc/passwd and /etc/group.',
    fix: 'Give the number of a user or group that only a directory service knows.',
  },
  'socket-dress': {
    text: "Cannot listen on {where}: it can't be given the {what}: {problem}",
    means: 'The system refuses to change mode, owner or group of the socket.',
    fix: 'One may give a file to a group that one is in; only root gives it to another user.',
  },
} as const satisfies Catalogue
