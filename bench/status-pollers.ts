// Clients of a status server, in a process of their own: each asks once a second, as a page that polls and
// a scraper do. Forked by status-cost.ts with the URL and their number; tells how many answers came when it
// is told to stop.

import { Agent, get } from 'node:http'

const [url = '', count = '0'] = process.argv.slice(2)
const PATHS = ['status.json', 'metrics'] as const
/** One connection each, kept open. */
const clients = Array.from(
  { length: Number(count) },
  () => new Agent({ keepAlive: true, maxSockets: 1 }),
)
let answers = 0
let refusals = 0

function ask(agent: Agent, path: string): void {
  const request = get(`${url}${path}`, { agent }, response => {
    if (response.statusCode === 200) answers++
    else refusals++
    response.resume()
  })
  request.on('error', () => refusals++)
}

const timers = clients.map((agent, i) =>
  // Spread over the second.
  setTimeout(
    () => {
      const path = PATHS[i % PATHS.length] as string
      ask(agent, path)
      timers[i] = setInterval(() => ask(agent, path), 1000)
    },
    (1000 * i) / clients.length,
  ),
)

process.on('message', () => {
  for (const timer of timers) clearTimeout(timer)
  process.send?.({ answers, refusals }, () => process.exit(0))
})
