// What is a web page, and what may be a disk.

import t from 'tap'
import { isWebPage, PAGE_BYTES } from '../../../dist/main/source/web-page.js'

t.test('isWebPage() knows how they begin', async t => {
  for (const page of [
    '<!DOCTYPE html>\n<html>',
    '<!doctype HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">',
    '\ufeff\r\n  <html lang="en">',
    '<HTML><HEAD><TITLE>Log in</TITLE>',
    '<?xml version="1.0"?>\n<!-- a login -->\n<!DOCTYPE html PUBLIC "">',
  ]) {
    t.ok(isWebPage(Buffer.from(page)), page)
  }
})

t.test('isWebPage() takes nothing else for one', async t => {
  for (const other of ['', '<', '<htmlx>', '<?xml version="1.0"?><Error>', 'QFI\xfb', '# <html>']) {
    t.notOk(isWebPage(Buffer.from(other, 'latin1')), other)
  }
  t.notOk(isWebPage(new Uint8Array(PAGE_BYTES)))
  t.notOk(isWebPage(Buffer.from(`${' '.repeat(PAGE_BYTES)}<html>`)), 'far behind the start')
})
