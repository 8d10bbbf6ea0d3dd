// The files of the status page, by the path they are asked for under: what is not in this table does
// not exist, so that no request ever names a file. They hold no data of a server and need no token.

/** A file of the package. */
export interface PageAsset {
  readonly file: URL
  /** Its `Content-Type`. */
  readonly type: string
}

const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

/** Modules of the page below page/, all that main.js leads to. */
const MODULES = [
  'advice',
  'cell-map',
  'cell-painter',
  'cells',
  'dom',
  'event-parser',
  'export-card',
  'feed',
  'feed-line',
  'feed-words',
  'figures',
  'lists',
  'main',
  'plot',
  'plots',
  'scales',
  'table',
  'words',
] as const

const own = (path: string, type: string): PageAsset => ({
  file: new URL(path, import.meta.url),
  type,
})
/** Of the plotting library, wherever the package manager has put it. */
const uplot = (path: string, type: string): PageAsset => ({
  file: new URL(import.meta.resolve(`uplot/dist/${path}`)),
  type,
})

/**
 * '/' is the page itself. The others lie to one another as in the package, as their imports say; the
 * library is where page/uplot.d.ts says it is.
 */
export const PAGE_ASSETS: ReadonlyMap<string, PageAsset> = new Map([
  ['/', own('page/index.html', HTML)],
  ['/assets/page/page.css', own('page/page.css', CSS)],
  ['/assets/page/icon.svg', own('page/icon.svg', 'image/svg+xml')],
  ['/assets/page/uplot.js', uplot('uPlot.esm.js', SCRIPT)],
  ['/assets/page/uplot.css', uplot('uPlot.min.css', CSS)],
  ['/assets/units.js', own('units.js', SCRIPT)],
  ...MODULES.map(
    name => [`/assets/page/${name}.js`, own(`page/${name}.js`, SCRIPT)] as [string, PageAsset],
  ),
])

/** What the page may load and do: nothing of anybody else's, and nothing that is written into it. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
