// WebKit, the engine of Safari, driven over the WebDriver protocol. It wants a screen, which Xvfb
// plays. Each session is a fresh profile.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { seconds, until } from '../http/harness.mjs'

export const PROGRAMS = ['WebKitWebDriver', 'Xvfb', 'xvfb-run']
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf' // how WebDriver marks an element

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})

async function call(url, method, body) {
  const answer = await fetch(url, {
    method, body: method === 'POST' ? JSON.stringify(body ?? {}) : undefined,
    headers: { 'content-type': 'application/json' }, signal: AbortSignal.timeout(seconds(30)),
  })
  const { value } = await answer.json()
  if (value?.error) throw Object.assign(new Error(`${value.error}: ${value.message}`), value)
  return value
}

class Session {
  constructor(url) { this.url = url }

  do(method, path, body) { return call(this.url + path, method, body) }
  open(url) { return this.do('POST', '/url', { url }) }
  address() { return this.do('GET', '/url') }
  run(script, ...args) { return this.do('POST', '/execute/sync', { script, args }) }
  cookies() { return this.do('GET', '/cookie') }
  close() { return this.do('DELETE', '') }

  // The first element that matches, once there is one that can be used.
  async find(selector) {
    const look = async () => {
      const found = await this.do('POST', '/elements', { using: 'css selector', value: selector })
      for (const element of found) {
        if (await this.do('GET', `/element/${element[ELEMENT]}/displayed`)) return element
      }
      return null
    }
    const element = await until(look, `shown: ${selector}`, seconds(20))
    return `/element/${element[ELEMENT]}`
  }

  async click(selector) { await this.do('POST', `${await this.find(selector)}/click`) }
  async text(selector) { return this.do('GET', `${await this.find(selector)}/text`) }

  async type(selector, text) {
    const element = await this.find(selector)
    await this.do('POST', `${element}/clear`)
    await this.do('POST', `${element}/value`, { text })
  }
}

// A driver of its own for each browser: one that has ended a browser may hang with the next.
class Driver {
  async start() {
    const port = await freePort()
    this.url = `http://127.0.0.1:${port}`
    // A group of its own, which ends as a whole: xvfb-run, Xvfb, the driver and its browser.
    this.child = spawn('xvfb-run', ['-a', 'WebKitWebDriver', `--port=${port}`],
      { stdio: 'ignore', detached: true })
    this.gone = new Promise((resolve) => this.child.on('exit', resolve))
    process.on('exit', this.kill)
    const isUp = () => fetch(`${this.url}/status`).then(() => true, () => false)
    await until(isUp, 'WebKitWebDriver answers', seconds(30))
    const { sessionId } = await call(`${this.url}/session`, 'POST', { capabilities: {} })
    return new Session(`${this.url}/session/${sessionId}`)
  }

  kill = () => {
    try { process.kill(-this.child.pid, 'SIGTERM') } catch { /* it has ended */ }
  }

  async stop() {
    this.kill()
    await this.gone
    process.off('exit', this.kill)
  }
}

// The function of a test with a browser of its own: run(session).
export const inWebKit = (run) => async () => {
  const driver = new Driver()
  try {
    const session = await driver.start()
    await run(session)
    await session.close()
  } finally {
    await driver.stop()
  }
}
