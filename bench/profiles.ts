// The servers that are measured against, as data: how the slow server is shaped. Add one here and
// `--profile NAME` knows it.

import type { SlowServerOptions } from './slow-server/options.js'

/** Shape of an origin. */
export interface Profile {
  /** What it stands for, one line. */
  readonly title: string
  /** All of the slow server's options but the image. */
  readonly server: Omit<SlowServerOptions, 'image'>
}

const MB = 1e6

export const PROFILES: Readonly<Record<string, Profile>> = {
  vcenter: {
    title: 'vCenter: 100 ms think time, 30 MB/s a connection',
    server: { thinkTimeMs: 100, bandwidth: 30 * MB },
  },
  'vcenter-limited': {
    title: 'vCenter under load: the same, 503 beyond 8 concurrent requests',
    server: {
      thinkTimeMs: 100,
      bandwidth: 30 * MB,
      concurrency: { max: 8 },
    },
  },
  wan: {
    title: 'far mirror: 200 ms network latency, 10 MB/s a connection, 200 MB/s in total',
    server: { latencyMs: 200, bandwidth: 10 * MB, totalBandwidth: 200 * MB },
  },
  lan: {
    title: 'near server: 20 ms network latency, no bandwidth limit',
    server: { latencyMs: 20 },
  },
  loopback: {
    title: 'loopback, nothing shaped',
    server: {},
  },
}
