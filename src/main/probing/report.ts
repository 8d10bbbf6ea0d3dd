// What a probe hands out, as JSON has it: docs/probe.md describes it. A change that readers would
// stumble over gets a new SCHEMA; a new field does not.

import type { MeasurementPlan } from './measurement-plan.js'
import type { Measurements, ServerFacts } from './measurements.js'
import type { Recommendation } from './recommendation.js'

export const SCHEMA = 1

/** All of it, nothing secret in it. */
export interface ProbeReport {
  readonly schema: typeof SCHEMA
  readonly server: ServerFacts
  readonly cost: {
    readonly budgetBytes: number
    /** Bytes of the image that were read. */
    readonly readBytes: number
    readonly seconds: number
  }
  readonly plan: MeasurementPlan
  readonly measurements: Measurements
  readonly recommendation: Recommendation
}
