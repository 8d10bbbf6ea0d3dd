import t from 'tap'
import { errors } from 'undici'
import { failureOfDefect, failureOfError } from '../../dist/workers/origin-error.js'
import { ProxyError } from '../../dist/workers/proxy-error.js'

const BEFORE = { sent: false, answered: false, fresh: true }
const SENT = { sent: true, answered: false, fresh: false }
const ANSWERED = { sent: true, answered: true, fresh: true }

function coded(code: string, message = 'said by 10.0.0.1:443 for host.example'): Error {
  return Object.assign(new Error(message), { code })
}

t.test('failureOfError() names the cause, in words that hold no address', async t => {
  const eof = new errors.HTTPParserError('Response does not match (Invalid EOF state)')
  const cases: [Error, typeof SENT, string][] = [
    [coded('ECONNREFUSED'), BEFORE, 'connect'],
    [coded('ENOTFOUND'), BEFORE, 'connect'],
    [coded('EAI_AGAIN'), BEFORE, 'connect'],
    [coded('EHOSTUNREACH'), BEFORE, 'connect'],
    [coded('ETIMEDOUT'), BEFORE, 'connect'],
    [coded('ECONNRESET'), BEFORE, 'connect'],
    [coded('EWHATEVER'), BEFORE, 'connect'],
    [new errors.ConnectTimeoutError('to 10.0.0.1'), BEFORE, 'connect-timeout'],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), BEFORE, 'tls'],
    [coded('SELF_SIGNED_CERT_IN_CHAIN', 'x'), BEFORE, 'tls'],
    [coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'x'), BEFORE, 'tls'],
    [coded('UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'x'), BEFORE, 'tls'],
    [coded('CERT_HAS_EXPIRED', 'certificate has expired'), BEFORE, 'tls'],
    [coded('ERR_TLS_CERT_ALTNAME_INVALID'), BEFORE, 'tls'],
    [coded('EPROTO', 'write EPROTO'), BEFORE, 'tls'],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER', 'x'), BEFORE, 'tls'],
    [coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'x'), SENT, 'tls'],
    [coded('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'x'), ANSWERED, 'reset'],
    [new errors.HeadersTimeoutError(), SENT, 'first-byte-timeout'],
    [new errors.BodyTimeoutError(), ANSWERED, 'body-timeout'],
    [new errors.HeadersOverflowError(), SENT, 'protocol'],
    [new errors.HTTPParserError('Response does not match'), SENT, 'protocol'],
    [eof, ANSWERED, 'short-body'],
    [new errors.ResponseContentLengthMismatchError(), ANSWERED, 'short-body'],
    [new errors.ResponseContentLengthMismatchError(), SENT, 'protocol'],
    [new errors.SocketError('bad response'), SENT, 'protocol'],
    [new errors.SocketError('other side closed'), SENT, 'reset'],
    [new errors.SocketError('other side closed'), ANSWERED, 'short-body'],
    [coded('ECONNRESET'), SENT, 'reset'],
    [coded('ECONNRESET'), ANSWERED, 'reset'],
    [coded('EPIPE'), SENT, 'reset'],
    [new errors.ClientDestroyedError(), SENT, 'cancelled'],
    [new errors.InvalidArgumentError('invalid upgrade header'), BEFORE, 'internal'],
  ]
  for (const [error, progress, code] of cases) {
    const failure = failureOfError(error, progress)
    t.equal(failure.code, code, `${error.name} ${error.message}`)
    t.ok(failure.message.length > 5)
    t.notMatch(failure.message, /10\.0\.0\.1|host\.example|[\n.]$/)
  }
})

t.test('failureOfError() tells certificates from other troubles of TLS', async t => {
  const codes = {
    ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: true,
    ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: true,
    ERR_TLS_CERT_ALTNAME_INVALID: true,
    SELF_SIGNED_CERT_IN_CHAIN: true,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: true,
    ERR_SSL_WRONG_VERSION_NUMBER: undefined,
    ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: undefined,
    ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: undefined,
    EPROTO: undefined,
  }
  for (const [code, certificate] of Object.entries(codes)) {
    const failure = failureOfError(coded(code, 'x'), BEFORE)
    t.equal(failure.certificate, certificate, code)
    const byProxy = new ProxyError('no connection', { cause: coded(code, 'x') })
    t.match(failureOfError(byProxy, BEFORE), { code: 'tls', certificate, message: /proxy/ })
  }
})

t.test('failureOfError() speaks of an announced length only where there was one', async t => {
  const told = (error: Error, progress = ANSWERED) => failureOfError(error, progress).message
  const mismatch = new errors.ResponseContentLengthMismatchError()
  t.equal(told(mismatch), 'the body ended before its announced length')
  t.equal(told(mismatch, SENT), 'the answer is not valid HTTP')
  const eof = new errors.HTTPParserError('Response does not match (Invalid EOF state)')
  for (const error of [eof, new errors.SocketError('other side closed'), coded('UND_ERR_INFO')]) {
    t.equal(told(error), 'the body ended before it was whole')
    const announced = { ...ANSWERED, announced: true }
    t.equal(told(error, announced), 'the body ended before its announced length')
  }
})

t.test('failureOfError() names an unasked 100 Continue', async t => {
  t.match(failureOfError(new errors.SocketError('bad response'), SENT), {
    code: 'protocol',
    message: 'the server sent 100 Continue, which was not asked for',
  })
})

t.test('failureOfError() tells what is no HTTP from HTTP that is broken', async t => {
  const parser = (why: string) =>
    failureOfError(new errors.HTTPParserError(`Response does not match (${why})`), SENT)
  t.match(parser('Expected HTTP/, RTSP/ or ICE/'), {
    code: 'protocol',
    message: 'the answer is not HTTP',
    maybeTls: true,
  })
  t.equal(parser('Invalid status code').maybeTls, undefined)
  t.equal(failureOfError(new errors.HeadersOverflowError(), SENT).maybeTls, undefined)
  t.equal(failureOfError(new errors.SocketError('bad upgrade'), SENT).maybeTls, undefined)
})

t.test('failureOfError() says whether a connection was reset in its first request', async t => {
  t.match(failureOfError(coded('ECONNRESET'), { ...SENT, fresh: true }), { freshConnection: true })
  t.match(failureOfError(coded('EPIPE'), SENT), { freshConnection: false })
  t.match(failureOfError(new errors.SocketError('closed'), SENT), { freshConnection: false })
})

t.test("failureOfError() uses OpenSSL's reason, not its trace", async t => {
  const error = Object.assign(
    coded('EPROTO', 'C0B7:error:0A00010B:SSL routines:../deps/x.c:1:\n'),
    {
      reason: 'wrong version number',
    },
  )
  t.equal(failureOfError(error, BEFORE).message, 'Cannot set up TLS: the server does not speak it')
})

t.test('failureOfError() survives what is no error', async t => {
  t.equal(failureOfError(undefined, SENT).code, 'reset')
  t.equal(failureOfError('text', BEFORE).message, 'Cannot connect: text')
})

t.test('failureOfDefect() tells where the defect is, without a path', async t => {
  const failure = failureOfDefect(new TypeError('x is not a function.'))
  t.equal(failure.code, 'internal')
  t.match(failure.message, /^x is not a function \(origin-error\.ts:\d+\)$/)
  t.strictSame(failureOfDefect('text'), { code: 'internal', message: 'text' })
  t.strictSame(failureOfDefect(new Error('')).message.includes('unknown exception'), true)
})
