// `npm run bench`: reads the command line and runs what it asks for. Status 1 if a cell failed or
// gave wrong bytes, 2 for wrong usage.

import { runBench } from './bench.js'
import { parseOptions } from './options.js'

const words = process.argv.slice(2)
try {
  process.exitCode = await runBench(parseOptions(words), words)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
