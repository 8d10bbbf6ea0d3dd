// The statistics of a handful of repetitions: median, spread, and whether two series differ. Pure.

/** A summary of one series. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** The middle value; the mean of the middle two. @throws RangeError for an empty series */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('Cannot take a median: there are no values')
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[sorted.length >> 1] as number
  if (sorted.length % 2 === 1) return upper
  return ((sorted[(sorted.length >> 1) - 1] as number) + upper) / 2
}

/** Median and range; undefined for an empty series. */
export function summarize(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  }
}

/**
 * How likely two series as far apart as these come from the same thing: the exact two-sided
 * Mann-Whitney test, which asks only for ranks. 1 when either is empty. Series together may have up
 * to 24 values (longer ones are cut to the first 12 each): the test counts all arrangements.
 */
export function chanceOfNoDifference(a: readonly number[], b: readonly number[]): number {
  const [left, right] = [a.slice(0, 12), b.slice(0, 12)]
  if (left.length === 0 || right.length === 0) return 1
  const all = [...left, ...right]
  // Doubled, so that ties, which count half, stay whole numbers.
  const wins = left.map(x => right.reduce((sum, y) => sum + (x > y ? 2 : x === y ? 1 : 0), 0))
  const middle = left.length * right.length
  const observed = Math.abs(wins.reduce((sum, win) => sum + win, 0) - middle)
  const ranks = all.map(x => all.reduce((sum, y) => sum + (x > y ? 2 : x === y ? 1 : 0), 0))
  // U of a choice is the sum of its ranks less what its members win against each other.
  const inner = left.length * left.length
  let extreme = 0
  let total = 0
  const choose = (from: number, left: number, sum: number): void => {
    if (left === 0) {
      total++
      if (Math.abs(sum - inner - middle) >= observed) extreme++
      return
    }
    for (let i = from; i <= all.length - left; i++)
      choose(i + 1, left - 1, sum + (ranks[i] as number))
  }
  choose(0, left.length, 0)
  return extreme / total
}

export type Verdict = 'noise' | 'likely' | 'certain' | 'too few'

/** A smaller change of the median is of no interest, however sure. */
const LEAST_CHANGE = 0.02

/**
 * Whether a change of a median is more than noise. Three against three can at best be `likely`
 * (one in ten by chance), four against four `certain` (below one in twenty).
 */
export function judge(before: readonly number[], after: readonly number[]): Verdict {
  if (before.length < 3 || after.length < 3) return 'too few'
  const change = Math.abs(median(after) / median(before) - 1)
  if (change < LEAST_CHANGE) return 'noise'
  const chance = chanceOfNoDifference(before, after)
  if (chance <= 0.05) return 'certain'
  return chance <= 0.1 + 1e-9 ? 'likely' : 'noise'
}
