// What is no object of options, or misspells one, is refused by name.

import t from 'tap'
import { serve } from '../../dist/main/index.js'
import { resolveOptions } from '../../dist/main/options.js'

const url = 'https://host/disk.img'

t.test('serve() refuses what is no object of options', async t => {
  for (const [options, what] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [url, 'string'],
    [[url], 'an array'],
  ] as const) {
    await t.rejects(serve(options as never), {
      code: 'USAGE',
      message: `Cannot serve: expected an object of options, got ${what}`,
    })
  }
})

t.test('resolveOptions() refuses a key that is no option, naming the likeliest', async t => {
  for (const [key, meant] of [
    ['exportname', 'exportName'],
    ['export-name', 'exportName'],
    ['ringsize', 'ringSize'],
    ['conections', 'connections'],
    ['header', 'headers'],
    ['URL', 'url'],
  ] as const) {
    t.throws(() => resolveOptions({ url, [key]: 1 } as never), {
      code: 'USAGE',
      message: `Cannot use the option '${key}': there is none of that name, did you mean '${meant}'?`,
    })
  }
  for (const key of ['x', 'compression', 'pidfile', 'verbose']) {
    t.throws(() => resolveOptions({ url, [key]: 1 } as never), {
      code: 'USAGE',
      message: `Cannot use the option '${key}': there is none of that name`,
    })
  }
})

t.test('resolveOptions() takes keys without a value as not given', async t => {
  t.equal(resolveOptions({ url, ringSize: undefined }).blockSize, 256 * 1024)
})
