// Holds what `nbd-prefetch probe` recommends for a profile against the best that a sweep over our flags
// has found there. The two are measured again, against each other: the best of twenty medians is
// partly luck, and luck does not come twice.

import { CLI, ours } from './cases/ours.js'
import { OURS } from './cases/peers.js'
import type { Group } from './cases/plan.js'
import { MOST_CONNECTIONS } from './cases/presets.js'
import { profileOf } from './cases/profiles.js'
import { CellLookup } from './measure/lookup.js'
import { startOrigin } from './measure/origin.js'
import type { CellResult, ClaimResult, ProbeResult } from './measure/result.js'
import { type RunnerOptions, runGroup } from './measure/runner.js'
import { finish } from './programs.js'
import { bestOfSweep } from './report/sweep.js'

/** The least speed with what is recommended, as a share of the best. */
const LEAST = 0.9
/** What the probe may read: enough for bodies of a moment on as many connections as the sweep tries. */
const BUDGET = '1G'

const PROBED = `${OURS}-probe`
const BEST = `${OURS}-best`

/** The part of `probe --json` that is used: docs/probe.md describes it. */
interface ProbeJson {
  readonly schema: number
  readonly recommendation: {
    readonly flags: readonly { readonly flag: string; readonly value: string }[]
    readonly expectedBytesPerSecond: number
  }
}

/** What came of it. */
export interface AgainstProbe {
  readonly cells: readonly CellResult[]
  readonly claim: ClaimResult
  readonly probe: ProbeResult
}

/**
 * @param group - the sweep, on one profile
 * @param swept - its cells, measured
 * @param flags - those that every cell of the sweep has
 * @throws Error if the probe fails or the sweep has no figures
 */
export async function againstProbe(
  group: Group,
  swept: readonly CellResult[],
  flags: readonly string[],
  options: RunnerOptions,
): Promise<AgainstProbe> {
  const [first] = group.cells
  const best = bestOfSweep(swept)
  if (first === undefined || best === undefined) {
    throw new Error('Cannot hold the probe against the sweep: the sweep has no figures')
  }
  const { profile, workload } = first
  const { recommendation } = await probe(profile, group.size, options)
  const recommended = recommendation.flags.flatMap(({ flag, value }) => [flag, value])
  const peers = {
    [PROBED]: ours(`as probe recommends (${wordsOf(recommended)})`, [...flags, ...recommended]),
    [BEST]: ours(`best of the sweep (${wordsOf(best.flags)})`, [...flags, ...best.flags]),
  }
  const cells = await runGroup(
    {
      title: `the probe on ${profile}`,
      size: group.size,
      cells: [PROBED, BEST].map(peer => ({ profile, workload, peer })),
    },
    { ...options, peers },
  )
  return {
    cells,
    claim: claimOf(cells, profile, workload, recommended, best.flags),
    probe: {
      profile,
      recommended,
      expectedBytesPerSecond: recommendation.expectedBytesPerSecond,
      best: best.flags,
    },
  }
}

/** Whether the speeds agree. */
export function claimOf(
  cells: readonly CellResult[],
  profile: string,
  workload: string | undefined,
  recommended: readonly string[],
  best: readonly string[],
): ClaimResult {
  const lookup = new CellLookup(cells)
  const [mine, theirs] = [PROBED, BEST].map(peer => lookup.speed({ peer, workload, profile }))
  const value = mine === undefined || theirs === undefined ? undefined : mine / theirs
  return {
    figure: 'against-probe',
    what: `${profile}: speed as probe recommends (${wordsOf(recommended)}) / the sweep's best (${wordsOf(best)})`,
    value,
    bound: `≥ ${LEAST}`,
    holds: value === undefined ? undefined : value >= LEAST,
  }
}

function wordsOf(flags: readonly string[]): string {
  return flags.length === 0 ? 'the defaults' : flags.join(' ')
}

async function probe(profile: string, size: number, options: RunnerOptions): Promise<ProbeJson> {
  const shape = profileOf(profile)
  if (shape === undefined) throw new Error(`Cannot probe '${profile}': no such profile`)
  const { served } = options.images.get('raw', size)
  await using origin = await startOrigin(`${profile}-probe`, shape, served, options.directory)
  const [address] = origin.addresses(1)
  const { url = '', caFile } = address ?? {}
  const trust = caFile === undefined ? [] : ['--cacert', caFile]
  // The probe keeps to the connections that it is allowed, and the sweep tries more than the default.
  const bounds = ['--connections', String(MOST_CONNECTIONS), '--budget', BUDGET]
  const command = [process.execPath, CLI, 'probe', '--json', ...bounds, ...trust, url] as const
  const { stdout } = await finish(command, options.limitMs)
  return JSON.parse(stdout) as ProbeJson
}
