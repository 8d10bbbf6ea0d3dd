// What a worker thread of the pool runs: the kinds of task, bound to the settings the thread
// was started with. Loaded once in each thread.

import { workerData } from 'node:worker_threads'
import type {
  CallResult,
  CallTask,
  ConnectTask,
  FetchResult,
  FetchTask,
  ProbeResult,
  ProbeTask,
  RehearsalTask,
  TouchTask,
  WorkerSettings,
} from '../shared/fetch-task.js'
import type { SpoolResult, SpoolTask } from '../shared/spool-task.js'
import { createFetcher } from './fetcher.js'
import { rehearse } from './rehearsal.js'

const fetcher = createFetcher(workerData as WorkerSettings)

/** Makes one HTTP range request into slots of the ring. Never rejects. */
export function fetchSpan(task: FetchTask): Promise<FetchResult> {
  return fetcher.fetchSpan(task)
}

/** Asks a URL for its first bytes. Never rejects. */
export function probeSource(task: ProbeTask): Promise<ProbeResult> {
  return fetcher.probeSource(task)
}

/** Sends a request that fetches no part of an image. Never rejects. */
export function callServer(task: CallTask): Promise<CallResult> {
  return fetcher.callServer(task)
}

/** Opens connections for requests to come. */
export function openConnections(task: ConnectTask): void {
  fetcher.openConnections(task)
}

/** Has the system give slots their memory while there is nothing else to do. Returns at once. */
export function touchSlots(task: TouchTask): void {
  fetcher.touchSlots(task)
}

/** Downloads a whole file. Never rejects. */
export function spoolSource(task: SpoolTask): Promise<SpoolResult> {
  return fetcher.spoolSource(task)
}

/** Makes one HTTP range request of a rehearsal, into slots of its own ring. Never rejects. */
export function rehearseSpan(task: RehearsalTask): Promise<FetchResult> {
  return rehearse(task)
}
