// A receiver of webhooks, by the Standard Webhooks specification: it checks each signature.
import { createHmac } from 'node:crypto'
import http from 'node:http'
import assert from 'node:assert/strict'
import { until } from './harness.mjs'

const KEY = Buffer.from('a key of the tests, 32 bytes long')
export const WEBHOOK_SECRET = `whsec_${KEY.toString('base64')}`

// answer(message) returns a status, null to cut the connection, or undefined to never answer.
export class Receiver {
  messages = [] // those that were answered 2xx
  attempts = 0
  answer = () => 204

  async start() {
    this.server = http.createServer((request, response) => this.#take(request, response))
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${this.server.address().port}/hook?for=tests`
    return this
  }

  async #take(request, response) {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const id = request.headers['webhook-id']
    const timestamp = request.headers['webhook-timestamp']
    const expected = createHmac('sha256', KEY).update(`${id}.${timestamp}.${text}`).digest('base64')
    assert.equal(request.headers['webhook-signature'], `v1,${expected}`)
    assert.ok(Math.abs(Date.now() / 1000 - Number(timestamp)) < 300)
    assert.equal(request.headers['content-type'], 'application/json')
    this.attempts++
    const message = { id, ...JSON.parse(text) }
    const status = this.answer(message)
    if (status === undefined) return
    if (status === null) return request.destroy()
    if (status < 300) this.messages.push(message)
    response.writeHead(status).end()
  }

  // What it was told about a workspace: "created", "ready"...
  told(name) {
    const isOf = ({ data }) => data.workspace.name === name
    return this.messages.filter(isOf).map(({ type }) => type.replace('workspace.', ''))
  }

  async hears(name, ...types) {
    await until(() => this.told(name).length >= types.length, `${name} is told: ${types}`)
    assert.deepEqual(this.told(name), types)
  }

  stop() {
    this.server.closeAllConnections()
    this.server.close()
  }
}

// The line of config.lua for it.
export const toReceiver = (receiver, more = '') => (text) => text.replace('webhooks = {},',
  `webhooks = { { url = "${receiver.url}", secret = secret "WEBHOOK_SECRET", ${more} } },`)
