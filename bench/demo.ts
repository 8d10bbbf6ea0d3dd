// `npm start`: shows the main job with nothing but Node installed. A slow server as far away as a
// vCenter, a made-up disk image on it, exported and copied out over NBD with prefetch off and on,
// each copy compared with the image. qemu-img takes part where it is installed.

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SingleBar } from 'cli-progress'
import { qemuConvert } from './cases/copies.js'
import { ours } from './cases/ours.js'
import { PROFILES } from './cases/profiles.js'
import { digestOfFile, digestOfImage } from './digest.js'
import { NbdClient } from './nbd-client.js'
import { isInstalled, timed } from './programs.js'
import { GeneratedImage } from './slow-server/image.js'
import { startInProcess } from './slow-server/in-process.js'

const MiB = 1024 * 1024
const SIZE = 256 * MiB
/** A reader as simple as they come: one read at a time, of the size qemu-img takes. */
const READ_BYTES = 2 * MiB
const LIMIT_MS = 120_000

/** One way to copy the image from an NBD URI; tells how far it is, returns the copy's digest. */
interface Copier {
  readonly label: string
  copy(uri: string, progress: (bytes: number) => void): Promise<{ seconds: number; digest: string }>
}

const serial: Copier = {
  label: 'one read at a time',
  async copy(uri, progress) {
    const path = new URL(uri).searchParams.get('socket') as string
    const client = await NbdClient.connect({ path })
    const hash = createHash('sha256')
    let done = 0
    const start = performance.now()
    await client.stream(
      bytes => {
        hash.update(bytes)
        done += bytes.length
        progress(done)
      },
      { readBytes: READ_BYTES, inFlight: 1 },
    )
    const seconds = (performance.now() - start) / 1000
    await client.close()
    return { seconds, digest: hash.digest('hex') }
  },
}

const qemu: Copier = {
  label: 'qemu-img convert',
  async copy(uri) {
    const target = join(scratch, 'copy.raw')
    const convert = qemuConvert(uri, target).filter(word => word !== '-n')
    const seconds = await timed(convert[0] as string, convert.slice(1), LIMIT_MS)
    const digest = digestOfFile(target, SIZE)
    rmSync(target)
    return { seconds, digest }
  },
}

const scratch = mkdtempSync(join(tmpdir(), 'nbd-prefetch-demo-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const vcenter = PROFILES['vcenter']
if (vcenter === undefined) throw new Error('Cannot run the demo: profile vcenter is not defined')
await using server = await startInProcess({ ...vcenter.server, image: { size: SIZE } })
const expected = digestOfImage(new GeneratedImage({ size: SIZE }))
console.log(`A disk image of ${SIZE / MiB} MiB on a slow server (${vcenter.title}):`)
console.log(`  ${server.url}\n`)

const rows: { label: string; prefetch: string; seconds: number; same: boolean }[] = []
for (const copier of isInstalled('qemu-img') ? [serial, qemu] : [serial]) {
  for (const prefetch of ['off', 'on'] as const) {
    const flags = prefetch === 'off' ? ['--readahead', 'off'] : []
    const peer = ours('nbd-prefetch', flags)
    await using running = await peer.serve([{ url: server.url, directory: scratch }])
    const title = `${copier.label}, prefetch ${prefetch}`
    const bar = new SingleBar({
      format: `${title.padEnd(34)} {bar} {percentage} %  {value}/{total} MiB  {duration} s`,
      hideCursor: true,
      clearOnComplete: true,
      // Without a terminal the finished lines below say it all.
      noTTYOutput: false,
    })
    bar.start(SIZE / MiB, 0)
    // qemu-img tells nothing: what the origin has sent stands for its progress.
    const before = (await server.stats()).bytesSent
    const timer = setInterval(() => {
      void server.stats().then(({ bytesSent }) => {
        if (copier === qemu) bar.update(Math.floor((bytesSent - before) / MiB))
      })
    }, 100)
    const { seconds, digest } = await copier.copy(running.uris[0] as string, bytes => {
      bar.update(Math.floor(bytes / MiB))
    })
    clearInterval(timer)
    bar.stop()
    rows.push({ label: copier.label, prefetch, seconds, same: digest === expected })
    console.log(`  ${title}: ${seconds.toFixed(1)} s`)
  }
}

console.log(`\n${'client'.padEnd(20)}  prefetch      time         speed  speed-up  copy`)
for (const row of rows) {
  const base = rows.find(other => other.label === row.label)?.seconds ?? row.seconds
  const speed = `${(SIZE / row.seconds / 1e6).toFixed(1)} MB/s`
  console.log(
    `${row.label.padEnd(20)}  ${row.prefetch.padEnd(8)}  ${`${row.seconds.toFixed(2)} s`.padStart(8)}  ` +
      `${speed.padStart(12)}  ${`${(base / row.seconds).toFixed(1)} ×`.padStart(8)}  ` +
      (row.same ? 'identical' : 'DIFFERENT'),
  )
}
if (!isInstalled('qemu-img')) {
  console.log('\nqemu-img is not installed and left out (Debian: apt-get install qemu-utils)')
}
if (rows.some(row => !row.same)) {
  console.error('\nA copy differs from the image: please report this')
  process.exitCode = 1
}
