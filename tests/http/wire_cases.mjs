// Raw requests and the expected responses: [name, bytes, expected, options].
// `expected` lists the statuses in order, then "open" if the connection serves another request or
// "closed". Options: `heads`, the indexes of responses to a HEAD; `end`, the client closes its
// sending side after the last byte.
const last = '0\r\n\r\n' // the chunk that ends a body
const body = '{"name":"!"}' // an invalid name: the complete request gets 422
const refused = '422 open'

export function cases(host) {
  const H = `Host: ${host}\r\n`
  const head = `HEAD /health HTTP/1.1\r\n${H}`
  const old = `GET /health HTTP/1.0\r\n${H}`
  const get = `GET /health HTTP/1.1\r\n${H}\r\n`
  const line = (text) => `${text}\r\n${H}\r\n`
  const target = (text) => line(`GET ${text} HTTP/1.1`)
  const field = (text) => `GET /health HTTP/1.1\r\n${H}${text}\r\n\r\n`
  const hosts = (text) => `GET /health HTTP/1.1\r\n${text}\r\n`
  const start = `POST /api/deploy HTTP/1.1\r\n${H}Content-Type: application/json\r\n`
  const post = (fields, bytes = body) => `${start}${fields}\r\n\r\n${bytes}`
  const plain = post(`Content-Length: ${body.length}`)
  const coded = (coding, bytes) => post(`Transfer-Encoding: ${coding}`, bytes)
  const chunked = (bytes) => coded('chunked', bytes)
  const bad = '400 closed'

  return [
    // valid requests
    ['a plain GET', get, '200 open'],
    ['a plain POST', plain, refused],
    ['two pipelined requests', get + get, '200 200 open'],
    ['twenty pipelined requests', get.repeat(20), `${'200 '.repeat(20)}open`],
    ['GET after a POST with its body', plain + get, '422 200 open'],
    ['an empty line before the request', `\r\n${get}`, '200 open'],
    ['an empty line after a body', `${plain}\r\n${get}`, '422 200 open'],
    ['HEAD', line('HEAD /health HTTP/1.1'), '200 open', { heads: [0] }],
    ['HEAD, then GET', line('HEAD /health HTTP/1.1') + get, '200 200 open', { heads: [0] }],
    ['OPTIONS of the server', line('OPTIONS * HTTP/1.1'), '204 open'],
    ['OPTIONS as HAProxy checks', 'OPTIONS / HTTP/1.0\r\n\r\n', '204 closed'],
    ['an absolute target', target(`http://${host}/health`), '200 open'],
    ['an absolute target in upper case', target(`HTTP://${host}/health`), '200 open'],
    ['a field name in upper case, no space', hosts(`HOST:${host}\r\n`), '200 open'],
    ['spaces around a value', hosts(`Host: \t ${host} \t\r\n`), '200 open'],
    ['an empty value', field('X-Empty:'), '200 open'],
    ['a value that is not ASCII', field('X-Text: h\xe9llo'), '200 open'],
    ['a field name of all token characters', field("!#$%&'*+-.^_`|~09Az: x"), '200 open'],
    ['100 fields', `GET /health HTTP/1.1\r\n${H}${'a:b\r\n'.repeat(99)}\r\n`, '200 open'],
    ['a query with characters that browsers send raw', target("/health?a={b}|c^[d]'e"), '200 open'],
    ['GET with a body', field(`Content-Length: 5\r\n\r\nhello${get}`).slice(0, -4), '200 200 open'],

    // keep-alive and HTTP/1.0
    ['Connection: close', field('Connection: close'), '200 closed'],
    ['Connection: close in a list', field('Connection: te, Close'), '200 closed'],
    ['nothing is served after a close', field('Connection: close') + get, '200 closed'],
    ['HTTP/1.0 closes', `${old}\r\n`, '200 closed'],
    ['HTTP/1.0 with keep-alive', `${old}Connection: keep-alive\r\n\r\n`, '200 open'],
    ['HTTP/1.0 with an unknown Expect', `${old}Expect: tea\r\n\r\n`, '200 closed'],
    ['the client closes its side', get, '200 closed', { end: true }],
    ['two requests, the client closes its side', get + get, '200 200 closed', { end: true }],

    // Expect
    ['Expect: 100-continue with the body at once',
      post(`Expect: 100-continue\r\nContent-Length: ${body.length}`), /^(100 )?422 open$/],
    ['Expect: 100-continue, and too large',
      post('Expect: 100-continue\r\nContent-Length: 999999999', ''), '413 closed'],
    ['another expectation', field('Expect: tea'), '417 closed'],

    // request line
    ['not HTTP', 'hello\r\n\r\n', bad],
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
    ['a leading space', ` ${get}`, bad],
    ['two spaces after the method', line('GET  /health HTTP/1.1'), bad],
    ['two spaces before the version', line('GET /health  HTTP/1.1'), bad],
    ['a space after the version', line('GET /health HTTP/1.1 '), bad],
    ['tabs instead of spaces', line('GET\t/health\tHTTP/1.1'), bad],
    ['an unknown method', line('BREW /health HTTP/1.1'), '501 closed'],
    ['a method in lower case', line('get /health HTTP/1.1'), '501 closed'],
    ['a method that is not a token', line('G[T /health HTTP/1.1'), bad],
    ['an endless method', 'A'.repeat(3000), '501 closed'],
    ['TRACE', line('TRACE /health HTTP/1.1'), '405 closed'],
    ['CONNECT', line('CONNECT example.com:443 HTTP/1.1'), '405 closed'],

    // target
    ['a space in the target', target('/he alth'), bad],
    ['a control byte in the target', target('/he\x01alth'), bad],
    ['NUL in the target', target('/he\0alth'), bad],
    ['DEL in the target', target('/he\x7falth'), bad],
    ['a byte outside ASCII in the target', target('/he\xffalth'), bad],
    ['a quotation mark in the target', target('/he"alth'), bad],
    ['a bracket in the target', target('/<script>'), bad],
    ['a backslash in the target', target('/\\evil'), bad],
    ['a fragment in the target', target('/health#x'), bad],
    ['two leading slashes', target('//evil/health'), bad],
    ['no leading slash', target('health'), bad],
    ['the target *', target('*'), bad],
    ['an absolute target on another host', target('http://evil.example/health'), bad],
    ['an absolute target without a host', target('http:///health'), bad],
    ['an absolute target with a user', target(`http://u@${host}/health`), bad],
    ['another scheme', target(`ftp://${host}/health`), bad],
    ['%00 in the target', target('/health%00'), /^40[04] (open|closed)$/],
    ['a target that is too long', target(`/${'a'.repeat(9000)}`), '414 closed'],

    // line endings
    ['bare line feeds', get.replaceAll('\r\n', '\n'), bad],
    ['one bare line feed', `GET /health HTTP/1.1\n${H}\r\n`, bad],
    ['a bare line feed after a field', `GET /health HTTP/1.1\r\n${H}a: b\nc: d\r\n\r\n`, bad],
    ['a bare line feed at the end of the head', `GET /health HTTP/1.1\r\n${H}\n`, bad],
    ['a carriage return in a value', field('a: b\rc'), bad],
    ['two carriage returns', field('a: b\r'), bad],

    // header fields
    ['a space before the colon', field('a : b'), bad],
    ['a tab before the colon', field('a\t: b'), bad],
    ['no field name', field(': b'), bad],
    ['no colon', field('hello'), bad],
    ['a space in a field name', field('a b: c'), bad],
    ['a parenthesis in a field name', field('a(b): c'), bad],
    ['NUL in a field name', field('a\0b: c'), bad],
    ['a byte outside ASCII in a field name', field('\xe9: c'), bad],
    ['a value on two lines', field('a: b\r\n c'), bad],
    ['the first field is indented', `GET /health HTTP/1.1\r\n ${H}\r\n`, bad],
    ['NUL in a value', field('a: b\0c'), bad],
    ['a control byte in a value', field('a: b\x01c'), bad],
    ['DEL in a value', field('a: b\x7fc'), bad],
    ['101 fields', `GET /health HTTP/1.1\r\n${H}${'a:b\r\n'.repeat(100)}\r\n`, '431 closed'],
    ['a field that is too long', field(`a: ${'b'.repeat(17000)}`), '431 closed'],
    ['an endless field', `GET /health HTTP/1.1\r\n${H}a: ${'b'.repeat(20000)}`, '431 closed'],

    // Host
    ['no Host', hosts(''), bad],
    ['no Host in HTTP/1.0', 'GET /health HTTP/1.0\r\n\r\n', /^(200|400|421) closed$/],
    ['the same Host twice', hosts(H + H), bad],
    ['two different Hosts', hosts(`${H}host: evil.example\r\n`), bad],
    ['an empty Host', hosts('Host:\r\n'), bad],
    ['a Host with a path', hosts(`Host: ${host}/x\r\n`), bad],
    ['a Host with a user', hosts(`Host: u@${host}\r\n`), bad],
    ['a list of Hosts', hosts(`Host: ${host}, evil.example\r\n`), bad],
    ['a Host with a space', hosts('Host: a b\r\n'), bad],
    ['a Host with a port that is not a number', hosts('Host: localhost:http\r\n'), bad],
    ['a Host with a port above 65535', hosts('Host: localhost:65536\r\n'), bad],
    ['a Host in brackets that is not an address', hosts('Host: [localhost]\r\n'), bad],

    // Content-Length
    ['two lengths that differ', post('Content-Length: 12\r\nContent-Length: 5'), bad],
    ['two lengths that agree', post('Content-Length: 12\r\nContent-Length: 12'), bad],
    ['a list of lengths', post('Content-Length: 12, 12'), bad],
    ['a space before the colon of the length', post('Content-Length : 12'), bad],
    ['a length with a plus', post('Content-Length: +12'), bad],
    ['a negative length', post('Content-Length: -12'), bad],
    ['a length of -0', post('Content-Length: -0'), bad],
    ['a length in hexadecimal', post('Content-Length: 0xc'), bad],
    ['a length with a NUL', post('Content-Length: 1\x002'), bad],
    ['a length with a space inside', post('Content-Length: 1 2'), bad],
    ['a length that is a word', post('Content-Length: twelve'), bad],
    ['an empty length', post('Content-Length:'), bad],
    ['a length beyond 64 bits', post('Content-Length: 18446744073709551628'), '413 closed'],
    ['a length after a tab', post(`Content-Length:\t${body.length}`), refused],
    ['a body that is cut off', post('Content-Length: 100'), 'closed', { end: true }],
    ['a head that is cut off', get.slice(0, -2), 'closed', { end: true }],
    ['the body of a HEAD is not a request', `${head}Content-Length: ${get.length}\r\n\r\n${get}`,
      '200 open', { heads: [0] }],

    // Transfer-Encoding
    ['a length and a coding', post('Content-Length: 5\r\nTransfer-Encoding: chunked', last + get),
      bad],
    ['a coding and a length', coded('chunked\r\nContent-Length: 5', `0\r\n\r\n${get}`), bad],
    ['a space before the colon of the coding', post('Transfer-Encoding : chunked', last), bad],
    ['the coding twice',
      coded('chunked\r\nTransfer-Encoding: chunked', last), bad],
    ['chunked, chunked', coded('chunked, chunked', last), bad],
    ['chunked, identity', coded('chunked, identity', last), bad],
    ['gzip, chunked', coded('gzip, chunked', last), '501 closed'],
    ['gzip', coded('gzip', ''), bad],
    ['identity', coded('identity', ''), bad],
    ['xchunked', coded('xchunked', last), bad],
    ['a vertical tab before chunked', coded('\x0bchunked', last), bad],
    ['chunked in 1.0', coded('chunked', last).replace('HTTP/1.1', 'HTTP/1.0'), bad],

    // chunks
    ['one chunk', chunked(`c\r\n${body}\r\n${last}`), refused],
    ['one chunk per byte', chunked([...body].map((c) => `1\r\n${c}\r\n`).join('') + last), refused],
    ['a size in upper case, with zeros', chunked(`000C\r\n${body}\r\n00\r\n\r\n`), refused],
    ['extensions', chunked(`c;a=1;b="c;d"\r\n${body}\r\n0;e\r\n\r\n`), refused],
    ['trailers',
      chunked(`c\r\n${body}\r\n0\r\nX-Trailer: 1\r\nContent-Length: 99\r\nHost: evil\r\n\r\n`),
      refused],
    ['GET after chunks and trailers',
      chunked(`c\r\n${body}\r\n0\r\nX: y\r\n\r\n`) + get, '422 200 open'],
    ['the chunks of a HEAD are not a request', `${head}Transfer-Encoding: chunked\r\n\r\n` +
      `${get.length.toString(16)}\r\n${get}\r\n${last}`, '200 open', { heads: [0] }],
    ['a size with a plus', chunked(`+c\r\n${body}\r\n${last}`), bad],
    ['a size with a minus', chunked(`-c\r\n${body}\r\n${last}`), bad],
    ['a size with 0x', chunked(`0xc\r\n${body}\r\n${last}`), bad],
    ['a size after a space', chunked(` c\r\n${body}\r\n${last}`), bad],
    ['a size before a space', chunked(`c \r\n${body}\r\n${last}`), bad],
    ['a size and another word', chunked(`c x\r\n${body}\r\n${last}`), bad],
    ['a size that is not a number', chunked(`z\r\n${body}\r\n${last}`), bad],
    ['no size', chunked(`\r\n${body}\r\n${last}`), bad],
    ['a size beyond 64 bits', chunked('10000000000000000c\r\n'), bad],
    ['a size below 64 bits', chunked('fffffffffffffffe\r\n'), '413 closed'],
    ['a bare line feed after a size', chunked(`c\n${body}\r\n${last}`), bad],
    ['no line ending after a chunk', chunked(`c\r\n${body}0\r\n\r\n`), bad],
    ['a chunk longer than its size', chunked(`b\r\n${body}\r\n${last}`), bad],
    ['a control byte in an extension', chunked(`c;\x01\r\n${body}\r\n${last}`), bad],
    ['an endless extension', chunked(`c;${'a'.repeat(20000)}`), '431 closed'],
    ['an invalid trailer', chunked(`c\r\n${body}\r\n0\r\na b: c\r\n\r\n`), bad],
    ['chunks that are cut off', chunked(`c\r\n${body}\r\n`), 'closed', { end: true }],

    // order
    ['a refusal waits for its turn',
      `${get}${plain}GET /he alth HTTP/1.1\r\n\r\n${get}`, '200 422 400 closed'],
    ['refused while the client still sends',
      post('Content-Length: 999999', 'x'.repeat(300000)), '413 closed'],
  ]
}
