import t from 'tap'
import { durationText, estimate } from '../../.bench/cases/estimate.js'
import { FIGURES } from '../../.bench/cases/figures.js'
import { imageArguments } from '../../.bench/cases/ours.js'
import { PEER_NAMES, peersWith, USUAL_PEERS } from '../../.bench/cases/peers.js'
import { apart, figureGroups, matrix } from '../../.bench/cases/plan.js'
import { sweepGroups, sweepPeers, sweptFlag } from '../../.bench/cases/presets.js'
import { latencyProfile, limitOf, PROFILES, profileOf } from '../../.bench/cases/profiles.js'
import { readFio } from '../../.bench/cases/random-reads.js'
import { WORKLOADS } from '../../.bench/cases/workloads.js'
import { cellsOf, leftOf, merged, mustContinue } from '../../.bench/measure/resume.js'
import { checkOptions } from '../../.bench/slow-server/options.js'
import { cellOf, resultsOf } from '../fixtures/bench-results.js'

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

t.test('qcow2 is converted by whoever can, downloads and all', async t => {
  const wish = { profiles: ['lan'], workloads: ['qcow2'], peers: USUAL_PEERS, size: MiB }
  const [group] = matrix(wish, peers)
  t.same(
    group?.cells.map(({ peer, workload }) => [peer, workload]),
    USUAL_PEERS.map(peer => [peer, 'qcow2']),
  )
  t.equal(peers['qemu-curl']?.command('URL', 'qcow2'), 'URL')
  t.match(peers['qemu-curl-64M']?.command('URL', 'qcow2'), /^'json:\{"driver":"qcow2",/)
})

t.test('apart() makes a group of each workload, and keeps every cell once', async t => {
  const wish = { profiles: ['lan'], workloads: ['qemu-img', 'nbdcopy'], peers: USUAL_PEERS }
  const [group] = matrix({ ...wish, size: MiB }, peers)
  if (group === undefined) throw new Error('no group')
  const [first, second, ...more] = apart(group)
  t.same(more, [])
  t.ok(first?.cells.some(cell => cell.peer === 'aria2c'))
  t.ok(second?.cells.every(cell => cell.workload === 'nbdcopy'))
  t.equal((first?.cells.length ?? 0) + (second?.cells.length ?? 0), group.cells.length)
})

t.test('a run is taken up with what was neither measured nor failed', async t => {
  const wish = { profiles: ['vcenter'], workloads: ['qemu-img'], size: 64 * MiB }
  const [group] = matrix({ ...wish, peers: ['ours', 'nbdkit', 'curl', 'aria2c'] }, peers)
  if (group === undefined) throw new Error('no group')
  const earlier = [
    cellOf('ours', [1]),
    cellOf('nbdkit', [], { failures: ['it hangs'] }),
    cellOf('aria2c', [], { workload: 'download', skipped: 'no time was left' }),
    cellOf('curl', [1], { workload: 'download', size: 32 * MiB }),
  ]
  const [left, ...more] = leftOf([group], earlier)
  t.same(more, [])
  t.same(
    left?.cells.map(cell => cell.peer),
    ['curl', 'aria2c'],
    'another size is another cell',
  )
  const later = [cellOf('aria2c', [2], { workload: 'download' })]
  const all = merged(earlier, later)
  t.equal(all.filter(cell => cell.peer === 'aria2c').length, 1)
  t.equal(cellsOf(group, all).length, 3)
  t.same(leftOf([group], [...all, cellOf('curl', [1], { workload: 'download' })]), [])
  const file = resultsOf(earlier)
  t.doesNotThrow(() => mustContinue(file, file.about))
  t.throws(
    () => mustContinue(file, { ...file.about, node: 'v22.0.0' }),
    /^Cannot resume: it was measured with another node, v20.18.1, not v22.0.0$/,
  )
})

t.test('estimate() knows slow peers from quick ones, and what bounds a run', async t => {
  const times = { runs: 3, warmUp: true, limit: 300, patience: 60, deadline: undefined }
  const of = (peer: string, workload: string, changes = {}) =>
    estimate(
      matrix(
        { profiles: ['vcenter'], workloads: [workload], peers: [peer], size: 256 * MiB },
        peers,
      ),
      {
        ...times,
        ...changes,
      },
    )
  t.ok(of('nbdkit', 'nbdcopy').likely > 4 * of('ours', 'nbdcopy').likely)
  t.ok(of('ours', 'qemu-img').likely < 30)
  t.ok(of('nbdkit-v2v', 'nbdcopy').likely > 300, 'once, up to its limit')
  t.ok(of('nbdkit-v2v', 'nbdcopy').likely < 320)
  t.ok(of('ours', 'qemu-img').most >= 300)
  t.equal(of('ours', 'qemu-img', { deadline: 5 }).likely, 5)
  t.same([50, 600, 7200].map(durationText), ['50 s', '10 min', '2.0 h'])
})

t.test('imageArguments() names images only where there are several', async t => {
  t.same(imageArguments(['URL']), ['URL'])
  t.same(imageArguments(['A', 'B']), ['disk0=A', 'disk1=B'])
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
