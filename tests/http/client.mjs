// client: HTTP and server-sent events for tests. One connection a request, no redirects, no retries: what was sent is what was asked for.
import http from 'node:http'

export const PATIENCE = Number(process.env.TEST_PATIENCE ?? 1)
export const seconds = (n) => n * 1000 * PATIENCE

// *.localhost is this machine, whatever the resolver thinks of it.
function target(url) {
  const { hostname, port, pathname, search, host } = new URL(url)
  const local = hostname === 'localhost' || hostname.endsWith('.localhost')
  return { host: local ? '127.0.0.1' : hostname, port, path: pathname + search, authority: host }
}

function open(url, { method = 'GET', headers = {}, body, timeout = seconds(20) } = {}) {
  return new Promise((resolve, reject) => {
    const { host, port, path, authority } = target(url)
    const request = http.request({ host, port, path, method, agent: false, headers: { host: authority, ...headers } }, (response) => {
      request.setTimeout(0)
      resolve({ request, response })
    })
    request.setTimeout(timeout, () => request.destroy(new Error(`${method} ${url}: no answer in ${timeout / 1000} s`)))
    request.on('error', reject)
    request.end(body)
  })
}

// Sends a request; returns { status, headers, bytes, text, json }. `json`: the body to send as JSON; `key`: a bearer; `language`: Accept-Language.
export async function request(url, { json, key, language, headers = {}, body, ...rest } = {}) {
  const all = { ...headers }
  if (json !== undefined) {
    body = JSON.stringify(json)
    all['content-type'] ??= 'application/json'
  }
  if (body !== undefined) all['content-length'] ??= Buffer.byteLength(body)
  if (key) all.authorization = `Bearer ${key}`
  if (language) all['accept-language'] = language
  const { response } = await open(url, { ...rest, body, headers: all })
  const chunks = []
  for await (const chunk of response) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const text = bytes.toString('utf8')
  let parsed
  try { parsed = JSON.parse(text) } catch { parsed = undefined }
  return { status: response.statusCode, headers: response.headers, bytes, text, json: parsed }
}

const field = (event, line) => {
  const colon = line.indexOf(':')
  const name = colon < 0 ? line : line.slice(0, colon)
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
  if (name === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`
  else event[name] = value
}

// An open stream: iterate it for events { id, event, data }, data parsed. `retry` and `comments` tell what else came; close() leaves.
class EventStream {
  constructor(request, response) {
    this.request = request
    this.response = response
    this.status = response.statusCode
    this.headers = response.headers
    this.retry = null
    this.comments = 0
    this.whole = false // true when the server ended the stream in good order
  }

  close() {
    this.closed = true
    this.request.destroy()
  }

  #event(block) {
    const event = {}
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments++
      else if (line) field(event, line)
    }
    if (event.retry !== undefined) this.retry = Number(event.retry)
    if (event.data === undefined) return null
    return { id: Number(event.id), event: event.event ?? 'message', data: JSON.parse(event.data) }
  }

  async *[Symbol.asyncIterator]() {
    let rest = ''
    this.response.setEncoding('utf8')
    try {
      for await (const chunk of this.response) {
        rest += chunk
        let end
        while ((end = rest.indexOf('\n\n')) >= 0) {
          const event = this.#event(rest.slice(0, end))
          rest = rest.slice(end + 2)
          if (event) yield event
        }
      }
      this.whole = true
    } catch (error) {
      if (!this.closed && error.code !== 'ECONNRESET') throw error
    } finally {
      this.close()
    }
  }
}

// Opens a stream. A status other than 200 comes back as { status, headers, text } with nothing to iterate.
export async function sse(url, { lastEventId, language, key, headers = {} } = {}) {
  const all = { accept: 'text/event-stream', ...headers }
  if (lastEventId !== undefined) all['last-event-id'] = String(lastEventId)
  if (language) all['accept-language'] = language
  if (key) all.authorization = `Bearer ${key}`
  const { request, response } = await open(url, { headers: all })
  if (response.statusCode === 200) return new EventStream(request, response)
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, headers: response.headers, text, close() {}, async *[Symbol.asyncIterator]() {} }
}

export const terminal = new Set(['ready', 'failed', 'cancelled', 'deleted', 'stopped'])

// Follows a status stream to its terminal event, coming back with Last-Event-ID as a browser would when it is cut.
// Returns { events, last, streams }. `until(event)` may end it earlier; `onStream(stream)` gets each connection, and may close it.
export async function follow(url, { until = (event) => terminal.has(event.event), limit = seconds(60), after, language, key, onEvent, onStream } = {}) {
  const events = []
  let lastEventId = after
  let streams = 0
  let stream
  let late = false
  const timer = setTimeout(() => { late = true; stream?.close() }, limit)
  const told = () => events.map((e) => `${e.id} ${e.event} ${e.data.step ?? ''} ${e.data.state ?? e.data.code ?? ''}`).join('\n  ')
  try {
    while (!late) {
      try {
        stream = await sse(url, { lastEventId, language, key })
      } catch (error) {
        if (error.code !== 'ECONNREFUSED' && error.code !== 'ECONNRESET') throw error
        await new Promise((resolve) => setTimeout(resolve, 50)) // a restart: nothing to wait on but the port
        continue
      }
      streams++
      onStream?.(stream)
      if (stream.status !== 200) throw new Error(`${url}: ${stream.status} ${stream.text}\n  ${told()}`)
      for await (const event of stream) {
        if (lastEventId !== undefined && event.id <= lastEventId) throw new Error(`event ${event.id} came after ${lastEventId}`)
        events.push(event)
        lastEventId = event.id
        onEvent?.(event)
        if (until(event)) return { events, last: event, streams }
      }
    }
    throw new Error(`${url}: no end in ${limit / 1000} s; so far:\n  ${told()}`)
  } finally {
    clearTimeout(timer)
    stream?.close()
  }
}
