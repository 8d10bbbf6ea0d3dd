// Hostile clients of a status server, in a process of their own; forked by status-cost.ts with the URL, and
// at work until told to stop.

import { harass } from './hostile-requests.js'

const [url = ''] = process.argv.slice(2)
const stop = harass(url, { sockets: 10, holdMs: 100, halfOpen: 300 })

process.on('message', () => {
  stop()
  process.send?.({ answers: 0, refusals: 0 }, () => process.exit(0))
})
