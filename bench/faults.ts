// The price of faults: copies an image while a share of all requests goes wrong, each way a server can, and prints the
// time that was lost against a server without faults. `node .bench/faults.js --help`.

import { Command, InvalidArgumentError } from 'commander'
import { type CheckedCopy, checkedCopy } from './checked-copy.js'
import { ALL_TOGETHER, FAULT_CASES } from './fault-kinds.js'
import type { FaultRule } from './slow-server/faults.js'
import { GeneratedImage } from './slow-server/image.js'
import { startInProcess } from './slow-server/in-process.js'
import { parseSize } from './slow-server/size.js'

const MIB = 1024 * 1024

const program = new Command('faults')
  .description('Copy an image from servers that spoil a share of their answers')
  .option('--size <size>', 'size of the image', parseSize, 128 * MIB)
  .option('--rates <percent...>', 'shares of requests', percents, [0.01, 0.1, 0.5, 1])
  .option('--only <name...>', `of ${Object.keys(FAULT_CASES).join(', ')}, all`)
  .option('--jobs <n>', 'copies side by side', Number, 3)
  .option('--seed <n>', 'of the dice', Number, 1)
  .parse()
const options = program.opts<{
  size: number
  rates: number[]
  only?: string[]
  jobs: number
  seed: number
}>()

function percents(text: string, before: number[]): number[] {
  const share = Number(text) / 100
  if (!(share > 0 && share <= 1)) throw new InvalidArgumentError('Give 0 to 100')
  return before.length === 4 && before[3] === 1 ? [share] : [...before, share]
}

const image = new GeneratedImage({ size: options.size })

interface Row {
  readonly name: string
  readonly rate: number
  readonly copy?: CheckedCopy
  readonly error?: string
}

async function copyWith(name: string, rate: number, faults: readonly FaultRule[]): Promise<Row> {
  const limits = name === 'all' ? ALL_TOGETHER : FAULT_CASES[name]?.server
  await using origin = await startInProcess({
    image: { size: options.size },
    seed: options.seed,
    thinkTimeMs: 20,
    bandwidth: 10e6,
    faults,
  })
  try {
    const copy = await checkedCopy(image, {
      url: origin.url,
      readahead: 8 * MIB,
      maxRequest: MIB,
      ...limits,
    })
    return { name, rate, copy }
  } catch (error) {
    return { name, rate, error: (error as Error).message }
  }
}

/** The probe is spared: what it meets is told at the start. */
const rule = (name: string, rate: number): FaultRule => ({
  ...(FAULT_CASES[name] as (typeof FAULT_CASES)[string]).fault,
  probability: rate,
  after: 1,
})

const names = Object.keys(FAULT_CASES)
const clean = await copyWith('none', 0, [])
const cleanSeconds = clean.copy?.seconds ?? Number.NaN
const tasks: (() => Promise<Row>)[] = []
for (const name of names) {
  if (options.only !== undefined && !options.only.includes(name)) continue
  for (const rate of options.rates) tasks.push(() => copyWith(name, rate, [rule(name, rate)]))
}
if (options.only === undefined || options.only.includes('all')) {
  tasks.push(() =>
    copyWith(
      'all',
      0.05,
      names.map(name => rule(name, 0.05)),
    ),
  )
}
console.log(`${options.size / MIB} MiB; without faults ${cleanSeconds.toFixed(2)} s`)
console.log('| fault | share | copy | time | lost | requests | failures |')
console.log('|---|---|---|---|---|---|---|')
const results: Row[] = []
await Promise.all(
  Array.from({ length: options.jobs }, async () => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      const row = await task()
      results.push(row)
      print(row)
    }
  }),
)
process.exitCode = results.every(isRight) ? 0 : 1

/** Byte-exact, or at 100 % failed, which only the survivable do not have to. */
function isRight({ name, rate, copy }: Row): boolean {
  if (copy === undefined) return false
  if (copy.wrongAt >= 0) return false
  if (rate < 1 || FAULT_CASES[name]?.survivable) return copy.failure === undefined
  return copy.failure !== undefined && (FAULT_CASES[name]?.says?.test(copy.failure) ?? true)
}

function print(row: Row): void {
  const { name, rate, copy, error } = row
  const share = `${name === 'all' ? '18 × ' : ''}${rate * 100} %`
  if (copy === undefined) {
    console.log(`| ${name} | ${share} | not opened: ${error} | | | | |`)
    return
  }
  const { seconds, failure, wrongAt, statistics } = copy
  const outcome =
    wrongAt >= 0 ? `WRONG at ${wrongAt}` : failure === undefined ? 'exact' : `failed: ${failure}`
  const failures = Object.entries(statistics.failures)
  const cells = [
    name,
    share,
    outcome + (isRight(row) ? '' : ' (!)'),
    `${seconds.toFixed(2)} s`,
    failure === undefined ? `${(seconds - cleanSeconds).toFixed(2)} s` : '',
    String(statistics.requests),
    failures.map(([code, count]) => `${code} ${count}`).join(', '),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
