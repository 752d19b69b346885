// wire: raw bytes to a server, and what comes back.
import net from 'node:net'
import assert from 'node:assert/strict'
import { seconds } from './client.mjs'

export class Wire {
  constructor(port) {
    Object.assign(this, { text: '', ended: false, error: null, waiting: [] })
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const wake = () => { for (const go of this.waiting.splice(0)) go() }
    this.socket.on('data', (chunk) => { this.text += chunk.toString('latin1'); wake() })
    this.socket.on('end', () => { this.ended = true; wake() })
    this.socket.on('error', (error) => { this.error = error; this.ended = true; wake() })
    this.socket.on('close', () => { this.ended = true; wake() })
  }

  // Resolves when something has come, or the end.
  async more(limit = seconds(15)) {
    if (this.ended) return
    let timer
    const late = new Promise((_, failed) => { timer = setTimeout(() => failed(new Error(`nothing came; so far: ${JSON.stringify(this.text.slice(-200))}`)), limit) })
    try { await Promise.race([new Promise((go) => this.waiting.push(go)), late]) } finally { clearTimeout(timer) }
  }

  // In pieces of so many bytes; each goes on its way before the next.
  async send(bytes, piece = bytes.length) {
    for (let at = 0; at < bytes.length && !this.ended; at += piece) {
      await new Promise((go) => this.socket.write(Buffer.from(bytes.slice(at, at + piece), 'latin1'), () => go()))
    }
  }

  // The next whole answer, or null at the end: { status, headers (a list of [name, value]), body }.
  async answer(isHead = false) {
    for (;;) {
      const end = this.text.indexOf('\r\n\r\n')
      if (end >= 0) {
        const [first, ...lines] = this.text.slice(0, end).split('\r\n')
        const headers = lines.map((line) => { const colon = line.indexOf(': '); return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)] })
        const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
        assert.ok(status, `no status line: ${first}`)
        const length = isHead || status < 200 || status === 204 ? 0 : Number(headers.find(([name]) => name === 'content-length')?.[1] ?? 0)
        if (this.text.length >= end + 4 + length) {
          const body = this.text.slice(end + 4, end + 4 + length)
          this.text = this.text.slice(end + 4 + length)
          return { status, headers, body }
        }
      }
      if (this.ended) {
        assert.equal(this.text, '', 'half an answer')
        return null
      }
      await this.more()
    }
  }

  close() { this.socket.destroy() }
}

export const header = (answer, name) => {
  const found = answer.headers.filter(([key]) => key === name)
  assert.ok(found.length <= 1, `${name} stands there ${found.length} times`)
  return found[0]?.[1]
}

// What every answer has; and what one has that came from the core itself, before any script.
export function isSound(answer, isHead) {
  if (answer.status === 100) return
  assert.match(header(answer, 'date') ?? '', / GMT$/)
  assert.match(header(answer, 'x-request-id') ?? '', /^[0-9a-z]{16}$/)
  if (answer.status < 400) return
  assert.match(header(answer, 'content-type') ?? '', /^application\/problem\+json/)
  if (isHead) return
  const problem = JSON.parse(answer.body)
  assert.equal(problem.status, answer.status)
  for (const member of ['type', 'title', 'detail', 'code', 'instance']) assert.ok(problem[member], member)
}
