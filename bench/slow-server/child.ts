// The slow server's own process: takes calls over IPC (see ipc.ts), and ends when its parent is gone.
import type { Call, Remote, Reply } from './ipc.js'
import { SlowServer } from './server.js'

let server: SlowServer | undefined

function started(): SlowServer {
  if (server === undefined) throw new Error('Cannot take a call: the server is not started')
  return server
}

const remote: Remote = {
  async start(options) {
    server = await SlowServer.start(options)
    const { url, origin, port, caPem } = server
    return { url, origin, port, caPem }
  },
  stats: () => started().stats,
  log: () => started().log,
  clearLog: () => started().clearLog(),
  setOptions: changes => started().setOptions(changes),
  expireSessions: () => started().expireSessions(),
  resetConnections: () => started().resetConnections(),
  cpuUsage: () => process.cpuUsage(),
}

async function answer({ id, method, args }: Call): Promise<Reply> {
  try {
    const call = remote[method] as (...args: readonly unknown[]) => unknown
    return { id, ok: true, result: await call(...args) }
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException
    return { id, ok: false, name, message, code }
  }
}

process.on('message', (call: Call) => {
  void answer(call).then(reply => {
    if (process.connected) process.send?.(reply)
  })
})
// The parent closed the channel, or died.
process.on('disconnect', () => process.exit(0))
