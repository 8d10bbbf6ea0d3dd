// Results on disk: JSON whose version is checked when it is read.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Results, SCHEMA } from '../measure/result.js'

/** Writes the file, and its directory if there is none. */
export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(results, undefined, 1)}\n`)
}

/** @throws Error if it is not a results file of this version */
export function readResults(path: string): Results {
  let parsed: Partial<Results>
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8')) as Partial<Results>
  } catch (error) {
    throw new Error(`Cannot read results from ${path}: ${(error as Error).message}`)
  }
  if (parsed.schema !== SCHEMA) {
    throw new Error(
      `Cannot read results from ${path}: it has schema ${parsed.schema ?? 'none'}, this bench reads ${SCHEMA}`,
    )
  }
  return parsed as Results
}
