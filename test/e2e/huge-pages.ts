// The ring lies in huge pages where the system has them to give, and nobody else is told of it.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { forgetHugePages } from '../../dist/main/huge-pages.js'
import { runProgram, startProgram } from '../fixtures/program.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const MIB = 1024 * 1024
const KIB_OF_RING = 96 * 1024

/** The flags of the mapping that holds the ring (proc_pid_smaps(5)). */
function flagsOfRing(pid: number): string[] {
  const mappings = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
  // The allocator's own words and its alignment beside it.
  const ring = mappings.find(mapping => {
    const size = Number(/^Size: +(\d+) kB$/m.exec(mapping)?.[1])
    return size >= KIB_OF_RING && size < KIB_OF_RING + 4096
  })
  return (
    /^VmFlags: (.*)$/m
      .exec(ring ?? '')?.[1]
      ?.trim()
      .split(' ') ?? []
  )
}

const report = process.report?.getReport() as unknown as {
  header: { glibcVersionRuntime?: string }
}
const [major = 0, minor = 0] = (report.header.glibcVersionRuntime ?? '0.0').split('.').map(Number)
const hasTunable = major > 2 || (major === 2 && minor >= 35)
const needed = {
  skip:
    hasTunable && existsSync('/sys/kernel/mm/transparent_hugepage')
      ? false
      : 'needs Linux with transparent huge pages and glibc 2.35',
}

t.test('the ring asks for huge pages, unless the user has said otherwise', needed, async t => {
  const origin = await SlowServer.start({ image: { size: MIB } })
  t.teardown(() => origin.close())
  const args = ['-U', '-', '--ring-size', `${KIB_OF_RING}K`, origin.url]
  const { pid } = await startProgram(t, args)
  t.ok(flagsOfRing(pid).includes('hg'))
  const env = { ...process.env, no_proxy: '*', GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' }
  const refusing = await startProgram(t, args, { env })
  const flags = flagsOfRing(refusing.pid)
  t.ok(flags.includes('rd') && !flags.includes('hg'), flags.join(' '))
})

t.test('a command of --run gets the environment as it was', async t => {
  const origin = await SlowServer.start({ image: { size: MIB } })
  t.teardown(() => origin.close())
  const args = ['--run', 'printenv GLIBC_TUNABLES || echo none', origin.url]
  const plain: NodeJS.ProcessEnv = { ...process.env, no_proxy: '*' }
  delete plain['GLIBC_TUNABLES']
  t.match(await runProgram(t, args, { env: plain }), { status: 0, stdout: 'none\n' })
  const own = 'glibc.malloc.tcache_count=4'
  const told = await runProgram(t, args, { env: { ...plain, GLIBC_TUNABLES: own } })
  t.match(told, { status: 0, stdout: `${own}\n` })
})

t.test('so does a script for cookies', async t => {
  const origin = await SlowServer.start({ image: { size: MIB } })
  t.teardown(() => origin.close())
  const seen = join(temporaryDirectory(t), 'seen')
  const script = `printenv GLIBC_TUNABLES > '${seen}' || echo none > '${seen}'; echo a=b`
  const env: NodeJS.ProcessEnv = { ...process.env, no_proxy: '*' }
  delete env['GLIBC_TUNABLES']
  await startProgram(t, ['-U', '-', '--cookie-script', script, origin.url], { env })
  t.equal(readFileSync(seen, 'utf8'), 'none\n')
})

t.test('only what was set for the ring is taken out of the environment', async t => {
  const left = (tunables?: string) => {
    const env = { HOME: '/', ...(tunables !== undefined && { GLIBC_TUNABLES: tunables }) }
    forgetHugePages(env)
    return env
  }
  const ours = 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1'
  t.strictSame(left(), { HOME: '/' })
  t.strictSame(left(ours), { HOME: '/' })
  t.strictSame(left(`${ours}:a=b:c=d`), { HOME: '/', GLIBC_TUNABLES: 'a=b:c=d' })
  t.strictSame(left(`${ours}0`), { HOME: '/', GLIBC_TUNABLES: `${ours}0` })
  t.strictSame(left(`a=b:${ours}`), { HOME: '/', GLIBC_TUNABLES: `a=b:${ours}` })
})
