import t from 'tap'
import { FIGURES } from '../../.bench/cases/figures.js'
import { PEER_NAMES, peersWith, USUAL_PEERS } from '../../.bench/cases/peers.js'
import { figureGroups, matrix } from '../../.bench/cases/plan.js'
import { sweepGroups, sweepPeers, sweptFlag } from '../../.bench/cases/presets.js'
import { latencyProfile, limitOf, PROFILES, profileOf } from '../../.bench/cases/profiles.js'
import { readFio } from '../../.bench/cases/random-reads.js'
import { WORKLOADS } from '../../.bench/cases/workloads.js'
import { checkOptions } from '../../.bench/slow-server/options.js'

const MiB = 1024 ** 2
const peers = peersWith([])

t.test('every profile is one that the slow server takes', async t => {
  for (const [name, { title, server }] of Object.entries(PROFILES)) {
    t.doesNotThrow(() => checkOptions({ ...server, image: { size: 1 } }), name)
    t.ok(title.length > 10, name)
  }
})

t.test('every figure names cells that exist, and says when it holds', async t => {
  for (const [name, figure] of Object.entries(FIGURES)) {
    for (const profile of figure.profiles) t.ok(profile in PROFILES, `${name}: ${profile}`)
    for (const workload of figure.workloads) t.ok(workload in WORKLOADS, `${name}: ${workload}`)
    for (const peer of figure.peers) t.ok(PEER_NAMES.includes(peer), `${name}: ${peer}`)
    t.equal(figureGroups(name, peers, {}).length, 1, `${name} is measured together`)
    for (const claim of figure.claims) {
      t.ok(claim.atLeast !== undefined || claim.atMost !== undefined, claim.what)
    }
  }
})

t.test('limitOf() is one first-byte time and sixteen full connections', async t => {
  const vcenter = PROFILES['vcenter'] as (typeof PROFILES)[string]
  const size = 480e6
  t.equal(limitOf(vcenter, size), size / (0.1 + 1))
  const wan = PROFILES['wan'] as (typeof PROFILES)[string]
  t.equal(limitOf(wan, 160e6), 160e6 / (0.2 + 1), 'sixteen connections give less than the total')
  const limited = PROFILES['vcenter-limited'] as (typeof PROFILES)[string]
  t.equal(limitOf(limited, 240e6), 240e6 / (0.1 + 1), 'eight connections')
  t.equal(limitOf(PROFILES['loopback'] as (typeof PROFILES)[string], size), undefined)
})

t.test('profileOf() knows the family of latencies, and nothing that is not there', async t => {
  t.equal(profileOf(latencyProfile(70))?.server.latencyMs, 70)
  t.equal(profileOf('lan'), PROFILES['lan'])
  t.equal(profileOf('nowhere'), undefined)
})

t.test('matrix() combines only what fits', async t => {
  const [group, ...others] = matrix(
    {
      profiles: ['lan'],
      workloads: ['qemu-img', 'nbdcopy-null'],
      peers: USUAL_PEERS,
      size: undefined,
    },
    peers,
  )
  t.same(others, [])
  const has = (workload: string | undefined, peer: string) =>
    group?.cells.some(cell => cell.workload === workload && cell.peer === peer)
  t.ok(has('qemu-img', 'qemu-curl'), "qemu's own driver within qemu")
  t.notOk(has('nbdcopy-null', 'qemu-curl'), 'and nowhere else')
  t.equal(group?.cells.filter(cell => cell.peer === 'aria2c').length, 1, 'a download once')
  t.notOk(has('qemu-img', 'aria2c'))
})

t.test('matrix() has a group for each image size', async t => {
  const wish = { profiles: ['lan'], workloads: ['qemu-img', 'fio-1'], peers: ['ours'] }
  t.same(
    matrix({ ...wish, size: undefined }, peers).map(group => group.size / MiB),
    [256, 8192],
  )
  t.same(
    matrix({ ...wish, size: 8 * MiB }, peers).map(group => group.size / MiB),
    [8],
  )
})

t.test('a sweep tries each flag by itself, beside our defaults', async t => {
  const all = { ...peers, ...sweepPeers([]) }
  const wish = { profiles: ['vcenter'], workloads: ['qemu-img'], size: MiB }
  const [group] = sweepGroups(wish, all)
  t.equal(group?.cells[0]?.peer, 'ours')
  t.ok(group !== undefined && group.cells.length > 15)
  t.same(sweptFlag('ours---connections=8'), { flag: '--connections', value: '8' })
  t.equal(sweptFlag('ours-off'), undefined)
  const command = all['ours---max-request=4M']?.command('URL')
  t.equal(command, 'nbd-prefetch --max-request 4M -U - URL')
})

t.test('peersWith() gives further flags to ourselves only', async t => {
  const flagged = peersWith(['--workers', '4'])
  t.match(flagged['ours']?.command('URL'), / --workers 4 /)
  t.match(flagged['ours-off']?.command('URL'), / --readahead off --workers 4 /)
  t.equal(flagged['nbdkit']?.command('URL'), peers['nbdkit']?.command('URL'))
})

t.test('readFio() reads latencies and rate, and refuses a run with errors', async t => {
  const job = (error: number) =>
    JSON.stringify({
      jobs: [
        {
          error,
          read: {
            iops: 46.5,
            io_bytes: 4096 * 200,
            total_ios: 200,
            runtime: 5000,
            clat_ns: { percentile: { '50.000000': 21_000_000, '99.000000': 40_000_000 } },
          },
        },
      ],
    })
  t.same(readFio(`fio: a warning\n${job(0)}`), {
    seconds: 5,
    bytes: 4096 * 200,
    extra: { p50Ms: 21, p99Ms: 40, rate: 46.5 },
  })
  t.throws(() => readFio(job(5)), /Cannot use fio's output: error 5/)
})
