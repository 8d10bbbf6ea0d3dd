// The servers that are measured against, as data: how the slow server is shaped. Add one here and
// `--profile NAME` knows it; nothing else needs to change.

import type { SlowServerOptions } from '../slow-server/options.js'

/** Shape of an origin. */
export interface Profile {
  /** What it stands for, one line. */
  readonly title: string
  /** All of the slow server's options but the image. */
  readonly server: Omit<SlowServerOptions, 'image'>
}

const MB = 1e6
const VCENTER = { thinkTimeMs: 100, bandwidth: 30 * MB } as const
const TAIL = { share: 0.01, ms: 2000 } as const

export const PROFILES: Readonly<Record<string, Profile>> = {
  vcenter: {
    title: 'vCenter: 100 ms think time, 30 MB/s a connection',
    server: VCENTER,
  },
  'vcenter-limited': {
    title: 'vCenter under load: the same, 503 beyond 8 concurrent requests',
    server: { ...VCENTER, concurrency: { max: 8 } },
  },
  'vcenter-tail': {
    title: 'vCenter with stragglers: the same, 1 % of requests 2 s late',
    server: { ...VCENTER, tail: TAIL },
  },
  wan: {
    title: 'far mirror: 200 ms network latency, 10 MB/s a connection, 200 MB/s in total',
    server: { latencyMs: 200, bandwidth: 10 * MB, totalBandwidth: 200 * MB },
  },
  mirror: {
    title: 'redirecting mirror: every request redirected, 50 ms network latency',
    server: { latencyMs: 50, redirect: { all: true } },
  },
  'object-store': {
    title: 'object store: 30 ms latency, 80 MB/s a connection, 1 % of requests 2 s late',
    server: { latencyMs: 30, bandwidth: 80 * MB, tail: TAIL },
  },
  lan: {
    title: 'near server: 20 ms network latency, no bandwidth limit',
    server: { latencyMs: 20 },
  },
  loopback: {
    title: 'loopback, nothing shaped',
    server: {},
  },
  'loopback-https': {
    title: 'loopback over https, nothing shaped',
    server: { tls: true },
  },
  faults: {
    title: 'flaky server: 20 ms latency; 2 % of requests get 503, 1 % a reset, 1 % a short body',
    server: {
      latencyMs: 20,
      faults: [
        { kind: 'status', status: 503, probability: 0.02 },
        { kind: 'reset-mid-body', probability: 0.01 },
        { kind: 'short-body', probability: 0.01 },
      ],
    },
  },
}

/** The name of a profile with nothing but latency and the usual rate: for growth with latency. */
export function latencyProfile(ms: number): string {
  return `latency-${ms}ms`
}

/** The profile of a name: of the table, or of `latencyProfile()`. */
export function profileOf(name: string): Profile | undefined {
  const ms = /^latency-(\d{1,4})ms$/.exec(name)?.[1]
  if (ms === undefined) return PROFILES[name]
  return {
    title: `${ms} ms network latency, 30 MB/s a connection`,
    server: { latencyMs: Number(ms), bandwidth: 30 * MB },
  }
}

/** Connections that every client is allowed: our default, and aria2c's `-x16`. */
const CONNECTIONS = 16

/**
 * The speed that no client with 16 connections can pass on a profile, bytes per second for an image
 * of `size` bytes: one first-byte time, then all connections full. Undefined where nothing is
 * limited, and where refusals or faults make it a matter of luck.
 */
export function limitOf({ server }: Profile, size: number): number | undefined {
  const { bandwidth = Infinity, totalBandwidth = Infinity, concurrency, faults } = server
  if (faults !== undefined) return undefined
  const connections = Math.min(CONNECTIONS, concurrency?.max ?? CONNECTIONS)
  const rate = Math.min(bandwidth * connections, totalBandwidth)
  if (rate === Infinity) return undefined
  const delayMs = (server.latencyMs ?? 0) + (server.thinkTimeMs ?? 0)
  return size / (delayMs / 1000 + size / rate)
}
