// The command line of `npm run bench`.

import { Command, InvalidArgumentError, Option } from 'commander'
import { FIGURES } from './cases/figures.js'
import { OURS, PEER_NAMES, USUAL_PEERS } from './cases/peers.js'
import { FULL, QUICK } from './cases/presets.js'
import { PROFILES, profileOf } from './cases/profiles.js'
import { WORKLOADS } from './cases/workloads.js'
import { parseSize } from './slow-server/size.js'

/** What was asked for. */
export interface BenchOptions {
  readonly profile: readonly string[]
  readonly workload: readonly string[]
  readonly peer: readonly string[] | undefined
  readonly figure: readonly string[] | undefined
  readonly size: number | undefined
  readonly runs: number
  readonly warmUp: boolean
  /** Seconds. */
  readonly limit: number
  readonly patience: number
  readonly deadline: number | undefined
  readonly flags: readonly string[]
  /** Directory; undefined for bench/results. */
  readonly results: string | undefined
  readonly sweep: boolean
  readonly againstProbe: boolean
  /** A results file to go on with. */
  readonly resume: string | undefined
  /** One group a workload, so that little is lost when the run is broken off. */
  readonly apart: boolean
  readonly growth: 'size' | 'latency' | undefined
  readonly compare: readonly [string, string] | undefined
  readonly report: string | undefined
  readonly headline: boolean
  readonly url: string | undefined
  /** Bytes. */
  readonly budget: number
  readonly readme: string | undefined
}

/** Ends the process with status 2, and words, for what cannot be meant. */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const program = new Command('npm run bench --')
    .description(
      'Measure nbd-prefetch and its peers against shaped servers, side by side.\n' +
        'Without options: vcenter, qemu-img and nbdcopy, the usual peers.',
    )
    .addOption(names('--profile <name...>', 'shaped servers', Object.keys(PROFILES), ['vcenter']))
    .addOption(
      names('--workload <name...>', 'what is done', Object.keys(WORKLOADS), [
        'qemu-img',
        'nbdcopy',
      ]),
    )
    .addOption(
      names('--peer <name...>', `who does it; default ${USUAL_PEERS.join(', ')}`, PEER_NAMES),
    )
    .addOption(
      names('--figure <name...>', 'the project’s statements instead; all: every one', [
        ...Object.keys(FIGURES),
        'all',
      ]),
    )
    .option('--only-ours', 'the same as --peer ours')
    .option('--size <size>', 'image size, such as 64M; default by workload, mostly 256M', readSize)
    .option('--runs <n>', 'runs of each cell; medians are shown', readCount, 3)
    .option('--no-warm-up', 'leave out the run before the first')
    .option('--limit <seconds>', 'longest time of one run', readCount, 300)
    .option('--patience <seconds>', 'a run that takes longer is not repeated', readCount, 60)
    .option('--deadline <seconds>', 'start no run after this time', readCount)
    .option('--flags <flags>', 'further flags for nbd-prefetch, as one word', readWords, [])
    .option('--quick', 'a look in three minutes: two profiles, 32 MiB')
    .option('--full', 'everything: takes hours')
    .option('--sweep', 'our flags one by one, on the profiles and workloads given')
    .option(
      '--against-probe',
      'a sweep, and whether what `nbd-prefetch probe` recommends is as fast',
    )
    .option(
      '--resume <file>',
      'go on with a run that was broken off, with the same words otherwise',
    )
    .addOption(
      new Option('--growth <what>', 'how time grows with the image or the way').choices([
        'size',
        'latency',
      ]),
    )
    .option('--compare <files...>', 'two results files: what changed, and what is noise')
    .option('--report <file>', 'make the page and the plots of a results file, measure nothing')
    .option('--url <url>', 'measure on your own server instead, which must answer ranges')
    .option('--budget <size>', 'bytes that may be read from it in all', readSize, 1024 ** 3)
    .option('--headline', 'measure the README’s table and plot, and write them')
    .option('--readme <file>', 'write them from a results file, measure nothing')
    .option('--results <directory>', 'where results go; default bench/results')
  // Commander's own status for wrong usage is 1.
  program.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  program.parse(argv as string[], { from: 'user' })
  const { onlyOurs, quick, full, ...given } = program.opts<
    BenchOptions & { onlyOurs?: boolean; quick?: boolean; full?: boolean }
  >()
  const isGiven = (name: string) => program.getOptionValueSource(name) === 'cli'
  const preset: Readonly<Record<string, unknown>> = quick ? QUICK : full ? FULL : {}
  const chosen = Object.fromEntries(Object.entries(preset).filter(([name]) => !isGiven(name)))
  const options = {
    ...given,
    ...chosen,
    sweep: given.sweep ?? given.againstProbe ?? false,
    againstProbe: given.againstProbe ?? false,
    apart: full ?? false,
    headline: given.headline ?? false,
  }
  if (given.compare !== undefined && given.compare.length !== 2) {
    program.error('error: --compare takes two files')
  }
  if (given.url !== undefined) {
    if (given.againstProbe || given.resume !== undefined)
      program.error('error: --url goes with neither --against-probe nor --resume')
    if (options.workload.some(name => WORKLOADS[name]?.image !== undefined))
      program.error('error: --url takes the image as raw: leave the qcow2 workloads out')
  }
  return {
    ...options,
    peer: onlyOurs === true ? [OURS] : options.peer,
    figure: options.figure?.includes('all') ? Object.keys(FIGURES) : options.figure,
  }
}

function names(
  flags: string,
  what: string,
  known: readonly string[],
  usual?: readonly string[],
): Option {
  const option = new Option(flags, `${what}: ${known.join(', ')}`)
  option.argParser((value: string, before: readonly string[] | undefined) => {
    // A profile may also be one of a family.
    if (!known.includes(value) && !(flags.startsWith('--profile') && profileOf(value)))
      throw new InvalidArgumentError(`Take one of ${known.join(', ')}.`)
    return [...(before === usual ? [] : (before ?? [])), value]
  })
  return usual === undefined ? option : option.default(usual)
}

function readSize(text: string): number {
  let size = 0
  try {
    size = parseSize(text)
  } catch {
    // Said below, in the words of the command line.
  }
  if (!(size > 0)) throw new InvalidArgumentError('A size such as 256M is needed.')
  return size
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('A count is needed.')
  return count
}

function readWords(text: string): string[] {
  return text.split(' ').filter(word => word !== '')
}
