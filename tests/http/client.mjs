// HTTP and server-sent events for tests: one connection per request, no redirects, no retries.
import assert from 'node:assert/strict'
import http from 'node:http'
import https from 'node:https'

export const PATIENCE = Number(process.env.TEST_PATIENCE ?? 1)
export const seconds = (n) => n * 1000 * PATIENCE
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// *.localhost is this machine, whatever the resolver says.
function resolveTarget(url) {
  const { protocol, hostname, port, pathname, search, host } = new URL(url)
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost')
  const address = { host: isLocal ? '127.0.0.1' : hostname, port, path: pathname + search }
  return { ...address, authority: host, send: protocol === 'https:' ? https.request : http.request }
}

function open(url, { method = 'GET', headers = {}, body, timeout = seconds(20) } = {}) {
  return new Promise((resolve, reject) => {
    const { host, port, path, authority, send } = resolveTarget(url)
    const options = { host, port, path, method, agent: false }
    options.headers = { host: authority, ...headers }
    const request = send(options, (response) => {
      request.setTimeout(0)
      resolve({ request, response })
    })
    const late = () => new Error(`${method} ${url}: no answer in ${timeout / 1000} s`)
    request.setTimeout(timeout, () => request.destroy(late()))
    request.on('error', reject)
    request.end(body)
  })
}

// The Accept of a browser that opens a page or sends a form.
export const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

// Sends a request; returns { status, headers, bytes, text, json }.
// `json`: the body to send as JSON; `form`: fields to send as a browser's form; `key`: a bearer
// token; `language`: the Accept-Language.
export async function request(url, options = {}) {
  let { json, form, key, language, headers = {}, body, ...rest } = options
  const all = { ...headers }
  if (json !== undefined) {
    body = JSON.stringify(json)
    all['content-type'] ??= 'application/json'
  }
  if (form) {
    body = new URLSearchParams(form).toString()
    all['content-type'] ??= 'application/x-www-form-urlencoded'
    all.accept ??= BROWSER
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

function addField(event, line) {
  const colon = line.indexOf(':')
  const name = colon < 0 ? line : line.slice(0, colon)
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
  if (name !== 'data') event[name] = value
  else event.data = event.data === undefined ? value : `${event.data}\n${value}`
}

// An open stream. Iterate it for events { id, event, data }, with data parsed.
class EventStream {
  constructor(request, response) {
    Object.assign(this, { request, response })
    this.status = response.statusCode
    this.headers = response.headers
    this.retry = null
    this.comments = 0
    this.isComplete = false // true when the server ended the stream properly
  }

  close() {
    this.isClosed = true
    this.request.destroy()
  }

  #parse(block) {
    const event = {}
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments++
      else if (line) addField(event, line)
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
          const event = this.#parse(rest.slice(0, end))
          rest = rest.slice(end + 2)
          if (event) yield event
        }
      }
      this.isComplete = true
    } catch (error) {
      if (!this.isClosed && error.code !== 'ECONNRESET') throw error
    } finally {
      this.close()
    }
  }
}

// Opens a stream. With a status other than 200 it is { status, headers, text } without events.
export async function sse(url, { lastEventId, language, key, headers = {} } = {}) {
  const all = { accept: 'text/event-stream', ...headers }
  if (lastEventId !== undefined) all['last-event-id'] = String(lastEventId)
  if (language) all['accept-language'] = language
  if (key) all.authorization = `Bearer ${key}`
  const { request, response } = await open(url, { headers: all })
  if (response.statusCode === 200) return new EventStream(request, response)
  let text = ''
  for await (const chunk of response) text += chunk
  const { statusCode: status, headers: received } = response
  return { status, headers: received, text, close() {}, async *[Symbol.asyncIterator]() {} }
}

export async function collect(stream) {
  const events = []
  for await (const event of stream) events.push(event)
  return events
}

export const inOrder = (events) =>
  assert.deepEqual(events.map(({ id }) => id), events.map((_, i) => i + 1), 'a gap or a repeat')

export const terminal = new Set(['ready', 'failed', 'cancelled', 'deleted', 'stopped', 'asleep'])
const isTerminal = ({ event }) => terminal.has(event)

const summarize = (events) => events
  .map(({ id, event, data }) => [id, event, data.step, data.state ?? data.code].join(' '))
  .join('\n  ')

// Follows a status stream to its terminal event; it reconnects with Last-Event-ID, as browsers do.
// Returns { events, last, streams }. `until(event)` ends it earlier; `onStream(stream)` is called
// with each connection and may close it.
export async function follow(url, options = {}) {
  const { until = isTerminal, limit = seconds(60), after, language, key } = options
  const events = []
  let lastEventId = after
  let streams = 0
  let stream
  let isLate = false
  const timer = setTimeout(() => { isLate = true; stream?.close() }, limit)
  try {
    while (!isLate) {
      try {
        stream = await sse(url, { lastEventId, language, key })
      } catch (error) {
        if (error.code !== 'ECONNREFUSED' && error.code !== 'ECONNRESET') throw error
        await pause(20) // a restart: there is no event to wait for
        continue
      }
      streams++
      options.onStream?.(stream)
      if (stream.status !== 200) {
        throw new Error(`${url}: ${stream.status} ${stream.text}\n  ${summarize(events)}`)
      }
      for await (const event of stream) {
        if (event.id <= lastEventId) {
          throw new Error(`event ${event.id} came after ${lastEventId}`)
        }
        events.push(event)
        lastEventId = event.id
        options.onEvent?.(event)
        if (until(event)) return { events, last: event, streams }
      }
    }
    throw new Error(`${url}: no end in ${limit / 1000} s; so far:\n  ${summarize(events)}`)
  } finally {
    clearTimeout(timer)
    stream?.close()
  }
}
