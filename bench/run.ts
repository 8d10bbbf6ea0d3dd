// `npm run bench`: reads the command line and runs what it asks for. Status 1 if a cell failed or
// gave wrong bytes, 2 for wrong usage.

import { runBench, writeHeadline } from './bench.js'
import type { Results } from './measure/result.js'
import { parseOptions } from './options.js'
import { compare, comparisonLines } from './report/compare.js'
import { readResults } from './report/results-file.js'

const words = process.argv.slice(2)
try {
  const options = parseOptions(words)
  if (options.compare !== undefined) {
    const [before, after] = options.compare.map(readResults) as [Results, Results]
    for (const line of comparisonLines(compare(before, after))) console.log(line)
  } else if (options.report !== undefined) {
    // Loaded only where plots are made: it is large.
    const { writeReport } = await import('./report/write.js')
    console.log(`Page: ${writeReport(options.report, readResults(options.report))}`)
  } else if (options.readme !== undefined) {
    await writeHeadline(readResults(options.readme))
  } else {
    process.exitCode = await runBench(options, words)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
