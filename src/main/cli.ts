#!/usr/bin/env sh
//bin/sh -c :; trap '' USR1 USR2; trap 'NOHUP=' HUP; NOHUP=1; kill -HUP $$; export NOHUP GLIBC_TUNABLES="glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1${GLIBC_TUNABLES:+:$GLIBC_TUNABLES}"; exec node "$0" "$@"
// The second line is a shell's, to which it begins with a command that does nothing: see huge-pages.ts. It sends itself
// SIGHUP to find out if that is ignored, as under nohup(1): a shell can trap no signal that was, and Node forgets it.

// The program `nbd-prefetch`: hands the real process to run-cli.ts and exits with its status.

import { isatty } from 'node:tty'
import { setFlagsFromString } from 'node:v8'

// SIGUSR1 would have Node open its debugger to every user of this machine: to run code as this one. Of no
// effect from here on, hence before anything of the program is loaded.
process.on('SIGUSR1', () => {})
// SIGUSR2 has files opened again (output-files.ts). Where there are none, or none yet, it would end the process.
process.on('SIGUSR2', () => {})

const nohup = process.env['NOHUP'] === '1'
// Ours, and of no meaning to what we run.
delete process.env['NOHUP']
if (nohup) process.on('SIGHUP', () => {})

// For --exit-with-parent, and hence before anything is loaded: the parent may end meanwhile.
const parent = process.ppid

// The heaps of this thread and the workers hold little and could grow to much: small ones cost a copy
// no speed and take 50 MiB less beside the ring. A program's own affair, so not for `serve()`.
setFlagsFromString('--optimize-for-size')
// undici's parser is WebAssembly of which little runs; optimizing its one large function costs more
// than the first gigabyte of parsing with what the baseline compiler makes of it.
setFlagsFromString('--wasm-tiering-budget=2000000000')
// Copies take seconds, and what V8 spends on optimizing code in them is a quarter of their processor
// time: it optimizes what runs fifteen times as long as by its own choice (docs/engine-cpu.md). Node 22's V8
// has a quick tier for that, and not this flag.
if (Number.parseInt(process.versions.v8, 10) < 12) setFlagsFromString('--interrupt-budget=1000000')

const { forgetHugePages } = await import('./huge-pages.js')
const { probeServer } = await import('./probing/probe-server.js')
const { runCli } = await import('./run-cli.js')
const { serve } = await import('./serve.js')
const { askOnTerminal } = await import('./terminal-prompt.js')
const { wholeOutput } = await import('./whole-output.js')

forgetHugePages(process.env)
process.exit(
  await runCli({
    argv: process.argv.slice(2),
    env: process.env,
    process,
    parent,
    stdin: 0,
    terminal: [0, 1, 2].some(isatty),
    nohup,
    ask: askOnTerminal,
    stdout: wholeOutput(process.stdout),
    stderr: process.stderr,
    serve,
    probe: probeServer,
  }),
)
