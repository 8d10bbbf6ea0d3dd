// Disks of VMware's by the names that virt-v2v's users give them, as URLs that vCenter understands.

import t from 'tap'
import { isSnapshotBase, parseVmwareUri } from '../../../dist/main/source/vmware-url.js'
import { UsageError } from '../../../dist/main/usage-error.js'

const urls = (uri: string, disk: string) => parseVmwareUri(uri, disk).urls

t.test('parseVmwareUri() makes the URL of the flat file', async t => {
  t.strictSame(parseVmwareUri('vpx://me@vc.test/DC/host?no_verify=1', '[ds1] vm/vm.vmdk'), {
    urls: ['https://vc.test/folder/vm/vm-flat.vmdk?dcPath=DC&dsName=ds1'],
    user: 'me',
    password: undefined,
    verify: false,
  })
  t.match(parseVmwareUri('vpx://VSPHERE.LOCAL%5cme@vc.test:8443/DC/host', '[ds1] vm/vm.vmdk'), {
    urls: ['https://vc.test:8443/folder/vm/vm-flat.vmdk?dcPath=DC&dsName=ds1'],
    user: 'VSPHERE.LOCAL\\me',
    verify: true,
  })
  t.strictSame(urls('esx://root@host.test/?no_verify=1', '[ds1] vm/vm.vmdk'), [
    'https://host.test/folder/vm/vm-flat.vmdk?dcPath=ha-datacenter&dsName=ds1',
  ])
  t.strictSame(urls('esx://root@host.test', '[ds1] iso/cd.iso'), [
    'https://host.test/folder/iso/cd.iso?dcPath=ha-datacenter&dsName=ds1',
  ])
  t.strictSame(urls('esx://root@host.test', '[ds1] vm/vm-flat.vmdk'), [
    'https://host.test/folder/vm/vm-flat.vmdk?dcPath=ha-datacenter&dsName=ds1',
  ])
})

t.test('parseVmwareUri() quotes values twice, then once, and never a space as +', async t => {
  t.strictSame(urls('vpx://me@vc.test/My%20DC/host', "[data store: 1+2] my vm/d'1 (a)+b.vmdk"), [
    'https://vc.test/folder/my%20vm/d%271%20%28a%29%2Bb-flat.vmdk?dcPath=My%2520DC&dsName=data%2520store%253A%25201%252B2',
    'https://vc.test/folder/my%20vm/d%271%20%28a%29%2Bb-flat.vmdk?dcPath=My%20DC&dsName=data%20store%3A%201%2B2',
  ])
  t.strictSame(urls('vpx://me@vc.test/Z%C3%BCrich/host', '[äö] a/b.vmdk'), [
    'https://vc.test/folder/a/b-flat.vmdk?dcPath=Z%25C3%25BCrich&dsName=%25C3%25A4%25C3%25B6',
    'https://vc.test/folder/a/b-flat.vmdk?dcPath=Z%C3%BCrich&dsName=%C3%A4%C3%B6',
  ])
  for (const url of urls('vpx://me@vc.test/My%20DC/host', "[data store: 1+2] d'1.vmdk")) {
    t.equal(new URL(url).href, url, 'nothing on the way quotes it again')
  }
})

t.test('parseVmwareUri() looks for the datacenter in folders and before clusters', async t => {
  const dcPaths = urls('vpx://me@vc.test/Folder/DC/Cluster/host', '[ds] a/b.vmdk').map(url =>
    new URL(url).searchParams.get('dcPath'),
  )
  t.strictSame(dcPaths, ['Folder/DC/Cluster', 'Folder/DC', 'Folder'])
  t.match(urls('vpx://me@vc.test/DC', '[ds] a/b.vmdk'), [/dcPath=DC&/])
})

t.test('parseVmwareUri() falls back from a snapshot to its base', async t => {
  t.strictSame(urls('esx://root@host.test', '[ds] vm/vm-000001.vmdk'), [
    'https://host.test/folder/vm/vm-000001-flat.vmdk?dcPath=ha-datacenter&dsName=ds',
    'https://host.test/folder/vm/vm-flat.vmdk?dcPath=ha-datacenter&dsName=ds',
  ])
})

t.test(
  'isSnapshotBase() tells the base from the disk of the snapshot that was asked for',
  async t => {
    const [own = '', base = ''] = urls('esx://root@host.test', '[ds] vm/vm-000001.vmdk')
    t.ok(isSnapshotBase(base, [own, base]))
    t.notOk(isSnapshotBase(own, [own, base]))
    for (const disk of ['vm.vmdk', 'vm-000001-flat.vmdk', 'a-000001/vm.vmdk']) {
      const all = urls('vpx://me@vc.test/DC/Cluster/host', `[ds-000001] ${disk}`)
      for (const url of all) t.notOk(isSnapshotBase(url, all), url)
    }
  },
)

t.test('parseVmwareUri() says what is missing, and shows no password', async t => {
  const wrong: [string, string | undefined, string][] = [
    [
      'vpx://me:secret@vc.test/DC/host',
      undefined,
      "its name is missing, as in '[datastore] VM/VM.vmdk'",
    ],
    ['vpx://me:secret@vc.test/DC/host', 'vm/vm.vmdk', "expected '[datastore] VM/VM.vmdk'"],
    ['vpx://me:secret@vc.test/', '[ds] a.vmdk', 'the URI lacks the datacenter'],
    ['vpx://me:secret@vc.test/%/host', '[ds] a.vmdk', "it has a stray '%'"],
    ['vpx://me:secret@vc.test/DC/h?proxy=a', '[ds] a.vmdk', "Cannot use 'proxy='"],
    ['vpx://', '[ds] a.vmdk', 'not a valid one'],
  ]
  for (const [uri, disk, message] of wrong) {
    t.throws(() => parseVmwareUri(uri, disk), UsageError)
    try {
      parseVmwareUri(uri, disk)
    } catch (error) {
      t.match((error as Error).message, message)
      t.notMatch((error as Error).message, 'secret')
    }
  }
})
