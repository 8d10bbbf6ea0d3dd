import fc from 'fast-check'
import t from 'tap'
import { explained, type Scenario, ScenarioRun, scenarios } from '../../.bench/engine/scenario.js'
import { readSequentially } from '../../.bench/engine/workloads.js'

/** To look further: `ENGINE_RUNS=50000 ENGINE_SEED=$RANDOM npx tap test/main/engine-properties.ts`. */
const PARAMETERS = {
  numRuns: Number(process.env['ENGINE_RUNS'] ?? 1500),
  seed: Number(process.env['ENGINE_SEED'] ?? 20_260),
}

/** Plays a scenario to its end; the simulation throws where a rule is broken. */
async function play(scenario: Scenario): Promise<void> {
  using run = new ScenarioRun(scenario)
  const report = await run.run()
  const codes = explained(scenario)
  for (const code of report.failures) {
    if (!codes.has(code)) throw new Error(`a read failed with ${code}, which nothing explains`)
  }
  if (report.peakInFlight > scenario.connections) throw new Error('too many requests at once')
  if (run.poisoned) return
  // Nothing was lost: everything can still be read.
  run.calm = true
  const client = run.connect()
  readSequentially(run, client, { unit: 10_000, depth: 3 })
  const after = await run.run()
  if (scenario.limit !== undefined || scenario.changesMs !== undefined) return
  if (after.failed !== report.failed) throw new Error('a read failed though the origin behaves')
  if (after.bytes - report.bytes !== scenario.imageBytes) throw new Error('bytes are missing')
}

t.test('ImageExport answers every read rightly, whatever origin and clients do', async () => {
  await fc.assert(fc.asyncProperty(scenarios, play), PARAMETERS)
})

t.test('ImageExport.close() answers every read that runs', async () => {
  const moments = fc.integer({ min: 0, max: 2000 })
  await fc.assert(
    fc.asyncProperty(scenarios, moments, async (scenario, closeMs) => {
      using run = new ScenarioRun(scenario)
      run.closeAt(closeMs)
      const report = await run.run()
      if (report.failures.size === 0 && report.failed > 0) throw new Error('no reason was given')
    }),
    { ...PARAMETERS, numRuns: PARAMETERS.numRuns / 5 },
  )
})
