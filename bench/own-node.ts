// The program's file looks for Node on the path (src/main/cli.ts): what measures or tests it wants its own.

import { delimiter, dirname } from 'node:path'

/** The environment with the Node that runs this before all others. */
export function ownNodeFirst(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: [dirname(process.execPath), env['PATH']].join(delimiter) }
}
