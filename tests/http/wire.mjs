// Raw bytes to a server, and its answers.
import net from 'node:net'
import assert from 'node:assert/strict'
import { seconds } from './client.mjs'

export class Wire {
  constructor(port) {
    Object.assign(this, { text: '', ended: false, error: null, waiting: [] })
    const options = { port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }
    this.socket = net.connect(options)
    const wake = () => { for (const resolve of this.waiting.splice(0)) resolve() }
    const end = (error) => {
      this.error ??= error ?? null
      this.ended = true
      wake()
    }
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1')
      wake()
    })
    this.socket.on('end', () => end())
    this.socket.on('close', () => end())
    this.socket.on('error', end)
  }

  // Resolves when something has come, or the end.
  async more(limit = seconds(15)) {
    if (this.ended) return
    let timer
    const late = new Promise((_, reject) => {
      const message = () => `nothing came; so far: ${JSON.stringify(this.text.slice(-200))}`
      timer = setTimeout(() => reject(new Error(message())), limit)
    })
    const arrival = new Promise((resolve) => this.waiting.push(resolve))
    try { await Promise.race([arrival, late]) } finally { clearTimeout(timer) }
  }

  // Sends in pieces of `size` bytes, each written before the next.
  async send(bytes, size = bytes.length) {
    for (let at = 0; at < bytes.length && !this.ended; at += size) {
      const piece = Buffer.from(bytes.slice(at, at + size), 'latin1')
      await new Promise((resolve) => this.socket.write(piece, () => resolve()))
    }
  }

  // The next whole answer { status, headers: a list of [name, value], body }; null at the end.
  async answer(isHead = false) {
    for (;;) {
      const end = this.text.indexOf('\r\n\r\n')
      if (end >= 0) {
        const [first, ...lines] = this.text.slice(0, end).split('\r\n')
        const headers = lines.map((line) => {
          const colon = line.indexOf(': ')
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
        })
        const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
        assert.ok(status, `no status line: ${first}`)
        const hasBody = !isHead && status >= 200 && status !== 204
        const length = hasBody ? Number(header({ headers }, 'content-length') ?? 0) : 0
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

// Opens connections; resolves when all are established.
export async function openWires(port, count) {
  const wires = Array.from({ length: count }, () => new Wire(port))
  await Promise.all(wires.map(({ socket }) => new Promise((resolve, reject) => {
    socket.on('connect', resolve).on('error', reject)
  })))
  return wires
}

export function header({ headers }, name) {
  const found = headers.filter(([key]) => key === name)
  assert.ok(found.length <= 1, `${name} comes ${found.length} times`)
  return found[0]?.[1]
}

// What every answer has, those of the core before any script included.
export function isSound(answer, isHead) {
  if (answer.status === 100) return
  assert.match(header(answer, 'date') ?? '', / GMT$/)
  assert.match(header(answer, 'x-request-id') ?? '', /^[0-9a-z]{16}$/)
  if (answer.status < 400) return
  assert.match(header(answer, 'content-type') ?? '', /^application\/problem\+json/)
  if (isHead) return
  const problem = JSON.parse(answer.body)
  assert.equal(problem.status, answer.status)
  for (const member of ['type', 'title', 'detail', 'code', 'instance']) {
    assert.ok(problem[member], member)
  }
}
