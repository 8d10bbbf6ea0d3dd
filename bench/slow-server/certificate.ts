// The certificate of an https slow server: a certificate authority of its own, made at start, and a server
// certificate signed by it for localhost and the loopback addresses.
import { generate } from 'selfsigned'
import type { Certificate } from './options.js'

/** Makes a fresh pair, good for a day. Elliptic keys: made in milliseconds. */
export async function makeCertificate(): Promise<Certificate> {
  const common = {
    keyType: 'ec',
    algorithm: 'sha256',
    // An hour back: clocks of containers differ.
    notBeforeDate: new Date(Date.now() - 3_600_000),
    notAfterDate: new Date(Date.now() + 86_400_000),
  } as const
  const ca = await generate([{ name: 'commonName', value: 'nbd-prefetch slow server CA' }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...common,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  })
  return { key: leaf.private, cert: leaf.cert, ca: ca.cert }
}
