// Requests as bytes, and what must come back: [case, bytes, outcome, options]. The outcome is the
// statuses of the answers in order, and whether the connection is then "open" (it answers one more
// request) or "closed". Options: heads: which answers (from 0) are to a HEAD; end: the client
// closes its sending half after the last byte.
const body = '{"name":"!"}' // refused with 422 once it has been read
const refused = '422 open'

export function cases(host) {
  const H = `Host: ${host}\r\n`
  const get = `GET /health HTTP/1.1\r\n${H}\r\n`
  const line = (text) => `${text}\r\n${H}\r\n`
  const target = (text) => line(`GET ${text} HTTP/1.1`)
  const field = (text) => `GET /health HTTP/1.1\r\n${H}${text}\r\n\r\n`
  const hosts = (text) => `GET /health HTTP/1.1\r\n${text}\r\n`
  const start = `POST /api/deploy HTTP/1.1\r\n${H}Content-Type: application/json\r\n`
  const post = (fields, bytes = body) => `${start}${fields}\r\n\r\n${bytes}`
  const plain = post(`Content-Length: ${body.length}`)
  const chunked = (bytes) => post('Transfer-Encoding: chunked', bytes)
  const bad = '400 closed'

  return [
    // ---- valid requests
    ['a plain GET', get, '200 open'],
    ['a plain POST', plain, refused],
    ['two requests in one piece', get + get, '200 200 open'],
    ['twenty requests in one piece', get.repeat(20), `${'200 '.repeat(20)}open`],
    ['GET after a POST with its body', plain + get, '422 200 open'],
    ['an empty line before the request', `\r\n${get}`, '200 open'],
    ['an empty line after a body', `${plain}\r\n${get}`, '422 200 open'],
    ['HEAD', line('HEAD /health HTTP/1.1'), '200 open', { heads: [0] }],
    ['HEAD, then GET', line('HEAD /health HTTP/1.1') + get, '200 200 open', { heads: [0] }],
    ['OPTIONS of the server', line('OPTIONS * HTTP/1.1'), '204 open'],
    ['an absolute target', target(`http://${host}/health`), '200 open'],
    ['an absolute target in capitals', target(`HTTP://${host}/health`), '200 open'],
    ['a name in capitals, no blank', `GET /health HTTP/1.1\r\nHOST:${host}\r\n\r\n`, '200 open'],
    ['blanks around a value', `GET /health HTTP/1.1\r\nHost: \t ${host} \t\r\n\r\n`, '200 open'],
    ['an empty value', field('X-Empty:'), '200 open'],
    ['a value outside ASCII', field('X-Text: h\xe9llo'), '200 open'],
    ['a name of all token characters', field("!#$%&'*+-.^_`|~09Az: x"), '200 open'],
    ['100 fields', `GET /health HTTP/1.1\r\n${H}${'a:b\r\n'.repeat(99)}\r\n`, '200 open'],
    ['a query with characters that browsers do not escape',
      target("/health?a={b}|c^[d]'e"), '200 open'],
    ['GET with a body', field(`Content-Length: 5\r\n\r\nhello${get}`).slice(0, -4), '200 200 open'],

    // ---- keep-alive and 1.0
    ['Connection: close', field('Connection: close'), '200 closed'],
    ['Connection: close in a list', field('Connection: te, Close'), '200 closed'],
    ['nothing is served after a close', field('Connection: close') + get, '200 closed'],
    ['HTTP/1.0 closes', 'GET /health HTTP/1.0\r\n' + H + '\r\n', '200 closed'],
    ['HTTP/1.0 with keep-alive',
      'GET /health HTTP/1.0\r\n' + H + 'Connection: keep-alive\r\n\r\n', '200 open'],
    ['HTTP/1.0 with an odd Expect',
      'GET /health HTTP/1.0\r\n' + H + 'Expect: tea\r\n\r\n', '200 closed'],
    ['the sending half is closed', get, '200 closed', { end: true }],
    ['two requests, the sending half is closed', get + get, '200 200 closed', { end: true }],

    // ---- Expect
    ['Expect: 100-continue with the body at once',
      post(`Expect: 100-continue\r\nContent-Length: ${body.length}`), /^(100 )?422 open$/],
    ['Expect: 100-continue, and too large',
      post('Expect: 100-continue\r\nContent-Length: 999999999', ''), '413 closed'],
    ['another expectation', field('Expect: tea'), '417 closed'],

    // ---- the request line
    ['no HTTP at all', 'hello\r\n\r\n', bad],
    ['the start of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01', bad],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '501 closed'],
    ['HTTP/0.9', 'GET /health\r\n', bad],
    ['version 1.2', line('GET /health HTTP/1.2'), '505 closed'],
    ['version 2.0', line('GET /health HTTP/2.0'), '505 closed'],
    ['version 0.9', line('GET /health HTTP/0.9'), '505 closed'],
    ['version +1.1', line('GET /health HTTP/+1.1'), bad],
    ['version 1.10', line('GET /health HTTP/1.10'), bad],
    ['the version in lower case', line('GET /health http/1.1'), bad],
    ['no version', line('GET /health '), bad],
    ['a blank at the start', ` ${get}`, bad],
    ['two blanks after the method', line('GET  /health HTTP/1.1'), bad],
    ['two blanks before the version', line('GET /health  HTTP/1.1'), bad],
    ['a blank after the version', line('GET /health HTTP/1.1 '), bad],
    ['tabs instead of blanks', line('GET\t/health\tHTTP/1.1'), bad],
    ['an unknown method', line('BREW /health HTTP/1.1'), '501 closed'],
    ['a method in lower case', line('get /health HTTP/1.1'), '501 closed'],
    ['a method that is no token', line('G[T /health HTTP/1.1'), bad],
    ['an endless method', 'A'.repeat(3000), '501 closed'],
    ['TRACE', line('TRACE /health HTTP/1.1'), '405 closed'],
    ['CONNECT', line('CONNECT example.com:443 HTTP/1.1'), '405 closed'],

    // ---- the target
    ['a blank in the target', target('/he alth'), bad],
    ['a control byte in the target', target('/he\x01alth'), bad],
    ['NUL in the target', target('/he\0alth'), bad],
    ['DEL in the target', target('/he\x7falth'), bad],
    ['a byte outside ASCII in the target', target('/he\xffalth'), bad],
    ['a quotation mark in the target', target('/he"alth'), bad],
    ['a bracket in the target', target('/<script>'), bad],
    ['a backslash in the target', target('/\\evil'), bad],
    ['a fragment in the target', target('/health#x'), bad],
    ['two slashes at the start', target('//evil/health'), bad],
    ['no slash at the start', target('health'), bad],
    ['the target *', target('*'), bad],
    ['an absolute target of another host', target('http://evil.example/health'), bad],
    ['an absolute target without a host', target('http:///health'), bad],
    ['an absolute target with a user', target(`http://u@${host}/health`), bad],
    ['another scheme', target(`ftp://${host}/health`), bad],
    ['%00 in the target', target('/health%00'), /^40[04] (open|closed)$/],
    ['a target that is too long', target(`/${'a'.repeat(9000)}`), '414 closed'],

    // ---- line ends
    ['bare line feeds', get.replaceAll('\r\n', '\n'), bad],
    ['one bare line feed', `GET /health HTTP/1.1\n${H}\r\n`, bad],
    ['a bare line feed after a field', `GET /health HTTP/1.1\r\n${H}a: b\nc: d\r\n\r\n`, bad],
    ['a bare line feed at the end of the head', `GET /health HTTP/1.1\r\n${H}\n`, bad],
    ['a carriage return in a value', field('a: b\rc'), bad],
    ['carriage returns twice', field('a: b\r'), bad],

    // ---- fields
    ['a blank before the colon', field('a : b'), bad],
    ['a tab before the colon', field('a\t: b'), bad],
    ['no name', field(': b'), bad],
    ['no colon', field('hello'), bad],
    ['a blank in a name', field('a b: c'), bad],
    ['a bracket in a name', field('a(b): c'), bad],
    ['NUL in a name', field('a\0b: c'), bad],
    ['a byte outside ASCII in a name', field('\xe9: c'), bad],
    ['a value on two lines', field('a: b\r\n c'), bad],
    ['the first field is indented', `GET /health HTTP/1.1\r\n ${H}\r\n`, bad],
    ['NUL in a value', field('a: b\0c'), bad],
    ['a control byte in a value', field('a: b\x01c'), bad],
    ['DEL in a value', field('a: b\x7fc'), bad],
    ['101 fields', `GET /health HTTP/1.1\r\n${H}${'a:b\r\n'.repeat(100)}\r\n`, '431 closed'],
    ['a field that is too long', field(`a: ${'b'.repeat(17000)}`), '431 closed'],
    ['an endless field', `GET /health HTTP/1.1\r\n${H}a: ${'b'.repeat(20000)}`, '431 closed'],

    // ---- Host
    ['no Host', hosts(''), bad],
    ['no Host in 1.0',
      'GET /health HTTP/1.0\r\n\r\n', /^(200|400|421) closed$/], // 421: for the host, not its form
    ['Host twice', hosts(H + H), bad],
    ['two Hosts', hosts(`${H}host: evil.example\r\n`), bad],
    ['an empty Host', hosts('Host:\r\n'), bad],
    ['a Host with a path', hosts(`Host: ${host}/x\r\n`), bad],
    ['a Host with a user', hosts(`Host: u@${host}\r\n`), bad],
    ['a list of Hosts', hosts(`Host: ${host}, evil.example\r\n`), bad],
    ['a Host with a blank', hosts('Host: a b\r\n'), bad],
    ['a Host with an invalid port', hosts('Host: localhost:http\r\n'), bad],
    ['a Host with too large a port', hosts('Host: localhost:65536\r\n'), bad],
    ['a Host in brackets that is no address', hosts('Host: [localhost]\r\n'), bad],

    // ---- lengths
    ['two lengths that differ', post('Content-Length: 12\r\nContent-Length: 5'), bad],
    ['two lengths that agree', post('Content-Length: 12\r\nContent-Length: 12'), bad],
    ['a list of lengths', post('Content-Length: 12, 12'), bad],
    ['a blank before the length\'s colon', post('Content-Length : 12'), bad],
    ['a length with a plus', post('Content-Length: +12'), bad],
    ['a negative length', post('Content-Length: -12'), bad],
    ['a length of -0', post('Content-Length: -0'), bad],
    ['a length in hexadecimal', post('Content-Length: 0xc'), bad],
    ['a length with a NUL', post('Content-Length: 1\x002'), bad],
    ['a length with a blank inside', post('Content-Length: 1 2'), bad],
    ['a length in words', post('Content-Length: twelve'), bad],
    ['an empty length', post('Content-Length:'), bad],
    ['a length beyond 64 bits', post('Content-Length: 18446744073709551628'), '413 closed'],
    ['a length after a tab', post(`Content-Length:\t${body.length}`), refused],
    ['a truncated body', post('Content-Length: 100'), 'closed', { end: true }],
    ['a truncated head', get.slice(0, -2), 'closed', { end: true }],
    ['the body of a HEAD is no request',
      `HEAD /health HTTP/1.1\r\n${H}Content-Length: ${get.length}\r\n\r\n${get}`, '200 open',
      { heads: [0] }],

    // ---- codings
    ['a length and a coding',
      post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${get}`), bad],
    ['a coding and a length',
      post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${get}`), bad],
    ['a blank before the coding\'s colon', post('Transfer-Encoding : chunked', '0\r\n\r\n'), bad],
    ['the coding twice',
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), bad],
    ['chunked, chunked', post('Transfer-Encoding: chunked, chunked', '0\r\n\r\n'), bad],
    ['chunked, identity', post('Transfer-Encoding: chunked, identity', '0\r\n\r\n'), bad],
    ['gzip, chunked', post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'), '501 closed'],
    ['gzip', post('Transfer-Encoding: gzip', ''), bad],
    ['identity', post('Transfer-Encoding: identity', ''), bad],
    ['xchunked', post('Transfer-Encoding: xchunked', '0\r\n\r\n'), bad],
    ['a vertical tab before chunked', post('Transfer-Encoding: \x0bchunked', '0\r\n\r\n'), bad],
    ['chunked in 1.0',
      post('Transfer-Encoding: chunked', '0\r\n\r\n').replace('HTTP/1.1', 'HTTP/1.0'), bad],

    // ---- chunks
    ['one chunk', chunked(`c\r\n${body}\r\n0\r\n\r\n`), refused],
    ['one chunk per byte',
      chunked([...body].map((c) => `1\r\n${c}\r\n`).join('') + '0\r\n\r\n'), refused],
    ['a size in capitals, with zeros', chunked(`000C\r\n${body}\r\n00\r\n\r\n`), refused],
    ['extensions', chunked(`c;a=1;b="c;d"\r\n${body}\r\n0;e\r\n\r\n`), refused],
    ['trailers',
      chunked(`c\r\n${body}\r\n0\r\nX-Trailer: 1\r\nContent-Length: 99\r\nHost: evil\r\n\r\n`),
      refused],
    ['GET after chunks and trailers',
      chunked(`c\r\n${body}\r\n0\r\nX: y\r\n\r\n`) + get, '422 200 open'],
    ['the chunks of a HEAD are no request',
      `HEAD /health HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n`
        + `${get.length.toString(16)}\r\n${get}\r\n0\r\n\r\n`, '200 open', { heads: [0] }],
    ['a size with a plus', chunked(`+c\r\n${body}\r\n0\r\n\r\n`), bad],
    ['a size with a minus', chunked(`-c\r\n${body}\r\n0\r\n\r\n`), bad],
    ['a size with 0x', chunked(`0xc\r\n${body}\r\n0\r\n\r\n`), bad],
    ['a size after a blank', chunked(` c\r\n${body}\r\n0\r\n\r\n`), bad],
    ['a size before a blank', chunked(`c \r\n${body}\r\n0\r\n\r\n`), bad],
    ['a size and more', chunked(`c x\r\n${body}\r\n0\r\n\r\n`), bad],
    ['an invalid size', chunked(`z\r\n${body}\r\n0\r\n\r\n`), bad],
    ['no size', chunked(`\r\n${body}\r\n0\r\n\r\n`), bad],
    ['a size beyond 64 bits', chunked('10000000000000000c\r\n'), bad],
    ['a size below 64 bits', chunked('fffffffffffffffe\r\n'), '413 closed'],
    ['a bare line feed after a size', chunked(`c\n${body}\r\n0\r\n\r\n`), bad],
    ['no line end after a chunk', chunked(`c\r\n${body}0\r\n\r\n`), bad],
    ['a chunk longer than its size', chunked(`b\r\n${body}\r\n0\r\n\r\n`), bad],
    ['a control byte in an extension', chunked(`c;\x01\r\n${body}\r\n0\r\n\r\n`), bad],
    ['an endless extension', chunked(`c;${'a'.repeat(20000)}`), '431 closed'],
    ['an invalid trailer', chunked(`c\r\n${body}\r\n0\r\na b: c\r\n\r\n`), bad],
    ['truncated chunks', chunked(`c\r\n${body}\r\n`), 'closed', { end: true }],

    // ---- order
    ['a refusal waits for its turn',
      `${get}${plain}GET /he alth HTTP/1.1\r\n\r\n${get}`, '200 422 400 closed'],
    ['refused while it is still sent',
      post('Content-Length: 999999', 'x'.repeat(300000)), '413 closed'],
  ]
}
