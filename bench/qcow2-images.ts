// The qcow2 images that are measured, made by qemu-img from generated content: a
// compressed one of made-up text, and a large, nearly empty one whose L2 tables are a long walk.

import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from './slow-server/seeded-random.js'

const MiB = 1024 * 1024
const LETTERS = 'etaoinshrdlucmfwypvbgkqjxz'
const WORDS = 4096

/** A qcow2 file, with its content as a raw file beside it. */
export interface Qcow2Image {
  readonly file: string
  /** Where its L2 tables lie. */
  readonly tables: readonly number[]
}

/** A compressed image whose content is `size` bytes of text; about half of that, compressed. */
export function compressedImage(directory: string, size: number): Qcow2Image {
  const raw = join(directory, 'text.raw')
  const file = join(directory, 'compressed.qcow2')
  writeText(raw, size)
  qcow2Of(raw, file, true)
  rmSync(raw)
  return { file, tables: tablesOf(file).tables }
}

/** An image of a disk of `size` bytes of which one in a hundred holds data, all over it. */
export function sparseImage(directory: string, size: number): Qcow2Image {
  const file = join(directory, 'sparse.qcow2')
  const convert = `qemu-img convert -f raw -O qcow2 "$uri" '${file}'`
  run(
    'nbdkit',
    ['-U', '-', 'sparse-random', `size=${size}`, 'seed=3', 'percent=1', 'runlength=262144'],
    convert,
  )
  return { file, tables: tablesOf(file).tables }
}

/** A raw file's content as a qcow2 image. */
export function qcow2Of(raw: string, file: string, compressed: boolean): void {
  const flags = compressed ? ['-c'] : []
  run('qemu-img', ['convert', ...flags, '-f', 'raw', '-O', 'qcow2', raw, file])
}

/** Text that compresses as text does: words of a made-up language, common ones more often. */
export function writeText(path: string, size: number): void {
  const source = new SeededRandom(1)
  const random = () => source.next()
  const often = (below: number) => Math.floor(random() * random() * below)
  const words = Array.from({ length: WORDS }, () =>
    Array.from({ length: 2 + often(12) }, () => LETTERS[often(LETTERS.length)]).join(''),
  )
  const file = openSync(path, 'w')
  for (let at = 0; at < size; at += MiB) {
    let text = ''
    while (text.length < MiB) text += `${words[often(WORDS)]} `
    writeSync(file, text.slice(0, Math.min(MiB, size - at)), at)
  }
  closeSync(file)
}

/** Where an image's L1 table lies, and the L2 tables that it lists. */
export function tablesOf(path: string): { l1Offset: number; tables: number[] } {
  const file = openSync(path, 'r')
  const read = (offset: number, length: number) => {
    const bytes = Buffer.alloc(length)
    readSync(file, bytes, 0, length, offset)
    return bytes
  }
  const header = read(0, 104)
  const l1Offset = Number(header.readBigUInt64BE(40))
  const entries = read(l1Offset, header.readUInt32BE(36) * 8)
  closeSync(file)
  const tables: number[] = []
  for (let at = 0; at < entries.length; at += 8) {
    const offset = Number(entries.readBigUInt64BE(at) & 0x00fffffffffffe00n)
    if (offset !== 0) tables.push(offset)
  }
  return { l1Offset, tables }
}

function run(program: string, args: readonly string[], child?: string): void {
  const all = child === undefined ? args : [...args, '--run', child]
  const { status, stderr } = spawnSync(program, all, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Cannot make an image: ${program}: ${stderr.trim()}`)
}
