// The tables of the page: origins, requests, connections, workers, clients, errors.

import type {
  DecisionStatus,
  OriginStatus,
  RequestStatus,
  StatusSnapshot,
  WorkerStatus,
} from '../snapshot.js'
import { byId } from './dom.js'
import { showWholeSeconds } from './figures.js'
import { LiveTable, type TableOptions } from './table.js'

const LISTS: readonly (TableOptions & { readonly id: string })[] = [
  {
    id: 'origins',
    path: 'origins',
    caption: 'HTTP servers, and what the governor makes of them',
    empty: 'No origin.',
    columns: [
      { title: 'origin', field: 'origin' },
      { title: 'limit', field: 'limit', show: 'count' },
      { title: 'at most', field: 'ceiling', show: 'count' },
      { title: 'in flight', field: 'inFlight', show: 'count' },
      { title: '429/503', field: 'throttled', show: 'count' },
      { title: 'best rate', field: 'goodput', show: 'rate' },
      { title: 'a connection', field: 'ratePerConnection', show: 'rate' },
      { title: 'first byte', field: 'firstByteP50Ms', show: 'ms' },
      { title: '95 % within', field: 'firstByteP95Ms', show: 'ms' },
      { title: 'answered', words: answeredWords },
      {
        title: 'latest decision',
        words: ({ decisions }: OriginStatus) => decisionWords(decisions),
      },
    ],
  },
  {
    id: 'requests',
    path: 'requests',
    caption: 'HTTP requests under way, the oldest first',
    empty: 'No request is under way.',
    columns: [
      { title: 'export', field: 'export' },
      { title: 'span', field: 'span', show: 'count' },
      { title: 'attempt', field: 'attempt', show: 'count' },
      { title: 'from', field: 'offset', show: 'place' },
      { title: 'length', field: 'length', show: 'bytes' },
      { title: 'here', field: 'receivedBytes', show: 'bytes' },
      { title: 'for', field: 'seconds', show: 'seconds' },
      { title: 'state', words: requestState },
    ],
  },
  {
    id: 'connections',
    path: 'connections',
    caption: 'Connections to origins, those used last first',
    empty: 'No request has ended yet.',
    columns: [
      { title: 'worker', field: 'worker', show: 'count' },
      { title: 'connection', field: 'id', show: 'count' },
      { title: 'requests', field: 'requests', show: 'count' },
      { title: 'failed', field: 'failures', show: 'count' },
      { title: 'bytes', field: 'bytes', show: 'bytes' },
      { title: 'first byte', field: 'firstByteMs', show: 'ms' },
      { title: 'rate', field: 'rate', show: 'rate' },
      { title: 'idle', field: 'idleSeconds', show: 'wholeSeconds' },
    ],
  },
  {
    id: 'workers',
    path: 'workers',
    caption: 'Threads that speak HTTP',
    empty: 'No thread has ended a request yet.',
    columns: [
      { title: 'worker', field: 'id', show: 'count' },
      { title: 'state', words: ({ alive }: WorkerStatus) => (alive ? 'runs' : 'ended') },
      { title: 'requests', field: 'requests', show: 'count' },
      { title: 'failed', field: 'failures', show: 'count' },
      { title: 'bytes', field: 'bytes', show: 'bytes' },
      { title: 'connections opened', field: 'connectionsOpened', show: 'count' },
      { title: 'idle', field: 'idleSeconds', show: 'wholeSeconds' },
    ],
  },
  {
    id: 'clients',
    path: 'clients',
    caption: 'NBD clients that are connected',
    empty: 'No client is connected.',
    columns: [
      { title: 'client', field: 'connection', show: 'count' },
      { title: 'address', field: 'address' },
      { title: 'export', field: 'export' },
      { title: 'encryption', words: ({ tls }: { tls: string }) => tls || 'none' },
      { title: 'in flight', field: 'inFlight', show: 'count' },
      { title: 'reads', field: 'reads', show: 'count' },
      { title: 'bytes', field: 'bytes', show: 'bytes' },
      { title: 'connected for', field: 'connectedSeconds', show: 'wholeSeconds' },
    ],
  },
  {
    id: 'errors',
    path: 'errors',
    caption: 'Warnings and errors, the latest first',
    empty: 'None.',
    reversed: true,
    columns: [
      { title: 'when', field: 'timeMs', show: 'clock' },
      { title: 'level', field: 'level' },
      { title: 'times', field: 'count', show: 'count' },
      { title: 'message', field: 'message' },
    ],
  },
]

/** All tables but those of the exports. */
export class Lists {
  readonly #tables = LISTS.map(list => new LiveTable(byId(list.id), list))

  update(snapshot: StatusSnapshot): void {
    for (const table of this.#tables) table.update(snapshot)
  }
}

const DECISIONS: Readonly<Record<DecisionStatus['reason'], string>> = {
  growth: 'more brought more',
  refused: 'refused as too many',
  trouble: 'resets or time-outs',
  plateau: 'as fast with fewer',
  'no plateau': 'slower with fewer',
  unused: 'not needed',
  gate: 'told to wait (Retry-After)',
}

function decisionWords(decisions: readonly DecisionStatus[]): string {
  const last = decisions.at(-1)
  if (last === undefined) return '–'
  const { reason, limit, secondsAgo } = last
  return `${limit}: ${DECISIONS[reason] ?? reason}, ${showWholeSeconds(secondsAgo)} ago`
}

function answeredWords({ answeredSeconds, down, gateSeconds }: OriginStatus): string {
  if (gateSeconds > 0) return `waits ${showWholeSeconds(gateSeconds)}`
  const when = answeredSeconds === null ? 'never' : `${showWholeSeconds(answeredSeconds)} ago`
  return down ? `down, ${when}` : when
}

function requestState({ answered, waitedFor }: RequestStatus): string {
  return `${answered ? 'receiving' : 'asked'}${waitedFor ? ', waited for' : ''}`
}
