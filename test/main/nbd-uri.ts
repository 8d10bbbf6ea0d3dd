import t from 'tap'
import { tcpUri, unixUri } from '../../dist/main/nbd-uri.js'

t.test('unixUri() escapes name and path, but not the slashes of the path', async t => {
  t.equal(unixUri('/run/nbd.sock', ''), 'nbd+unix:///?socket=/run/nbd.sock')
  t.equal(unixUri('/run/nbd.sock', 'disk'), 'nbd+unix:///disk?socket=/run/nbd.sock')
  t.equal(
    unixUri("/tmp/a b&c=d+e#f?g%h'i", 'dir/disk 1?#%ä'),
    'nbd+unix:///dir%2Fdisk%201%3F%23%25%C3%A4?socket=/tmp/a%20b%26c%3Dd%2Be%23f%3Fg%25h%27i',
  )
})

t.test('tcpUri() puts IPv6 addresses in brackets and names a host one can connect to', async t => {
  t.equal(tcpUri('127.0.0.1', 10809, 'disk'), 'nbd://127.0.0.1:10809/disk')
  t.equal(tcpUri('2001:db8::1', 1, ''), 'nbd://[2001:db8::1]:1/')
  t.equal(tcpUri('fe80::1%eth0', 1, ''), 'nbd://[fe80::1%25eth0]:1/')
  t.equal(tcpUri('0.0.0.0', 1, ''), 'nbd://127.0.0.1:1/')
  t.equal(tcpUri('::', 1, ''), 'nbd://[::1]:1/')
})
