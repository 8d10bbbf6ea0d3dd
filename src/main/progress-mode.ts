// In which of its forms progress is shown, from what was asked for and where it would go. Pure.

/** Values of --progress. */
export type ProgressChoice = 'auto' | 'line' | 'json' | 'off'
/** `live` is one line that is drawn again and again, `lines` a new one every ten seconds. */
export type ProgressMode = 'live' | 'lines' | 'json' | 'off'

export interface ProgressPlace {
  readonly choice: ProgressChoice | undefined
  /** True if --progress-file takes it. */
  readonly file: boolean
  /** True if standard error is a terminal. */
  readonly terminal: boolean
  /** The command of --run. */
  readonly run: string | undefined
}

/** Flags by which clients are told to show progress: of qemu-img, nbdcopy, virt-v2v, dd, pv, rsync, curl. */
const OWN_PROGRESS =
  /\b(?:qemu-img|nbdcopy)\b[^|;&]*\s(?:-[a-zA-Z]*p[a-zA-Z]*|--progress(?:=\S+)?)(?=\s|$)|--progress\b|\bstatus=progress\b|\b(?:pv|virt-v2v)\b/

/** The form. */
export function progressMode({ choice, file, terminal, run }: ProgressPlace): ProgressMode {
  const asked = choice ?? (file ? 'auto' : 'off')
  if (asked === 'off' || asked === 'json') return asked
  if (file) return 'lines'
  if (asked === 'line') return terminal ? 'live' : 'lines'
  if (run === undefined) return terminal ? 'live' : 'lines'
  // The command has the terminal: whole lines do it no harm, a live line would be written into.
  return OWN_PROGRESS.test(run) ? 'off' : 'lines'
}
