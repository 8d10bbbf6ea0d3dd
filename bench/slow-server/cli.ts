// The slow server by hand: prints its URL and serves until it is interrupted. Every line of --verbose is a request.
import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import type { FaultRule } from './faults.js'
import type { SlowServerOptions } from './options.js'
import { SlowServer } from './server.js'
import { parseSize } from './size.js'

function size(text: string): number {
  try {
    return parseSize(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('Not a number')
  return value
}

function tail(text: string): { share: number; ms: number } {
  const [share = Number.NaN, ms = Number.NaN] = text.split(':').map(Number)
  if (!(share >= 0 && share <= 1 && ms >= 0)) {
    throw new InvalidArgumentError('Give SHARE:MS, as 0.01:2000')
  }
  return { share, ms }
}

/** One rule: a kind with fields, as `reset-mid-body,every=20,afterBytes=4096`, or JSON. */
function fault(text: string, before: FaultRule[]): FaultRule[] {
  if (text.startsWith('{')) return [...before, JSON.parse(text) as FaultRule]
  const [kind, ...fields] = text.split(',')
  const rule: Record<string, unknown> = { kind }
  for (const field of fields) {
    const [name = '', value = 'true'] = field.split('=')
    rule[name] = /^(true|false|[\d.]+)$/.test(value) ? JSON.parse(value) : value
  }
  return [...before, rule as FaultRule]
}

interface CliOptions {
  readonly size: number
  readonly seed: number
  readonly zeros: boolean
  readonly file?: string
  readonly name: string
  readonly host: string
  readonly port: number
  readonly tls?: boolean
  readonly caFile?: string
  readonly latency?: number
  readonly connectLatency?: number
  readonly thinkTime?: number
  readonly jitter?: number
  readonly tail?: { readonly share: number; readonly ms: number }
  readonly bandwidth?: number
  readonly totalBandwidth?: number
  readonly maxConcurrent?: number
  readonly queue?: boolean
  readonly retryAfter?: number
  readonly requestsPerConnection?: number
  readonly ranges: boolean
  readonly head: boolean
  readonly etag?: string
  readonly user?: string
  readonly cookie?: string
  readonly session?: number
  readonly redirect?: boolean
  readonly fault: readonly FaultRule[]
  readonly verbose?: boolean
}

const program = new Command('slow-server')
  .description('Serve a disk image over HTTP as slowly and badly as asked')
  .option('--size <size>', 'generated image of this size', size, size('1G'))
  .option('--seed <number>', 'seed of the image', number, 1)
  .option('--no-zeros', 'generated image without runs of zeros')
  .option('--file <path>', 'serve a file instead')
  .option('--name <name>', 'path of the image', 'disk.img')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <number>', 'port to listen on; 0 for a free one', number, 0)
  .option('--tls', 'https with a certificate made at start')
  .option('--ca-file <path>', 'write the certificate to trust here')
  .option('--latency <ms>', 'network latency: overlaps between pipelined requests', number)
  .option('--connect-latency <ms>', 'time a connection needs to begin, for TCP and TLS', number)
  .option('--think-time <ms>', 'a connection works on one request after the other', number)
  .option('--jitter <ms>', 'mean of a random extra delay', number)
  .option('--tail <share:ms>', 'share of requests that take longer', tail)
  .option('--bandwidth <size>', 'bytes per second of each connection', size)
  .option('--total-bandwidth <size>', 'bytes per second in total', size)
  .option('--max-concurrent <number>', 'requests at the same time; 503 beyond', number)
  .option('--queue', 'let requests beyond --max-concurrent wait instead')
  .option('--retry-after <seconds>', 'Retry-After of the 503', number)
  .option('--requests-per-connection <number>', 'close connections after so many', number)
  .option('--no-ranges', 'ignore Range')
  .option('--no-head', 'answer HEAD with 405')
  .option('--etag <etag>', 'strong, weak, none or a value with quotes')
  .option('--user <user:password>', 'require basic authentication')
  .option('--cookie <name=value>', 'require a cookie')
  .option('--session <ms>', 'give out session cookies that live so long', number)
  .option('--redirect', 'redirect requests to a second path')
  .option('--fault <rule>', 'KIND,every=N,... or JSON; may be repeated', fault, [])
  .option('-v, --verbose', 'print every request once it is done')

function optionsOf(argv: CliOptions): SlowServerOptions {
  const [user = '', ...password] = (argv.user ?? '').split(':')
  const limit = argv.maxConcurrent
  return {
    image:
      argv.file === undefined
        ? { size: argv.size, seed: argv.seed, zeros: argv.zeros }
        : { file: argv.file },
    name: argv.name,
    host: argv.host,
    port: argv.port,
    tls: argv.tls,
    latencyMs: argv.latency,
    connectLatencyMs: argv.connectLatency,
    thinkTimeMs: argv.thinkTime,
    jitterMs: argv.jitter,
    tail: argv.tail,
    bandwidth: argv.bandwidth,
    totalBandwidth: argv.totalBandwidth,
    concurrency:
      limit === undefined
        ? undefined
        : {
            max: limit,
            beyond: argv.queue === true ? 'queue' : 'reject',
            retryAfter: argv.retryAfter,
          },
    requestsPerConnection: argv.requestsPerConnection,
    ranges: argv.ranges,
    head: argv.head,
    etag: argv.etag,
    auth: argv.user === undefined ? undefined : { user, password: password.join(':') },
    cookie: argv.cookie,
    session: argv.session === undefined ? undefined : { ttlMs: argv.session },
    redirect: argv.redirect === true ? { all: true } : undefined,
    faults: argv.fault,
  }
}

/** Prints what happened since the last call, for --verbose. */
function printLog(server: SlowServer, from: number): number {
  let next = from
  for (const entry of server.log) {
    if (entry.n < next) continue
    if (entry.endMs === undefined) break
    next = entry.n + 1
    const took = (entry.endMs - entry.startMs).toFixed(1)
    const what = `${entry.method} ${entry.path} ${entry.range ?? ''} -> ${entry.status}`
    console.log(`#${entry.n} c${entry.connection} ${what} ${entry.bytesSent} B ${took} ms`)
  }
  return next
}

program.parse()
const argv = program.opts<CliOptions>()
try {
  const server = await SlowServer.start(optionsOf(argv))
  console.log(server.url)
  if (argv.caFile !== undefined && server.caPem !== undefined) {
    writeFileSync(argv.caFile, server.caPem)
  }
  let printed = 1
  const timer = setInterval(() => {
    if (argv.verbose === true) printed = printLog(server, printed)
  }, 200)
  const stop = (): void => {
    clearInterval(timer)
    if (argv.verbose === true) printLog(server, printed)
    const { requests, maxConcurrent, connectionsAccepted, bytesSent, byStatus } = server.stats
    console.error(
      `${requests} requests ${JSON.stringify(byStatus)}, at most ${maxConcurrent} at a time,`,
      `${connectionsAccepted} connections, ${bytesSent} bytes`,
    )
    void server.close()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
