// harness: starts the real binary, as portal and as rehearsal, each on a free port with data of its own, and ends it with an inspection:
// exit status 0, nothing from a sanitizer, nothing on its output but JSON lines, no line of level "error" that the test did not announce.
//
//   const world = await startAll()                 // { rehearsal, portal, deploy(), stop() ... }
//   const { status, json } = await world.portal.api('/api/check/anna')
//   await world.stop()
//
// DEPLOYER=path of the binary (build/deployer); DEPLOYER_HOOKS=that of the build with crash points (build/hooks/deployer), which a test
// gets by `hooks: true`; TEST_PATIENCE=4 makes every limit four times as long; TEST_LOGS=1 prints what is logged.
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import assert from 'node:assert/strict'
import { follow, request, seconds, sse } from './client.mjs'

export { PATIENCE, follow, request, seconds, sse, terminal } from './client.mjs'

const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
export const DEPLOYER = resolve(process.env.DEPLOYER ?? join(top, 'build/deployer'))
export const HOOKS = resolve(process.env.DEPLOYER_HOOKS ?? join(dirname(DEPLOYER), 'hooks', basename(DEPLOYER)))
export const ADMIN = 'admin-token-of-the-tests'
export const UNKNOWN_PORT = 9 // nothing listens there

const made = new Set() // folders, and processes that still run: none outlives the tests
process.on('exit', () => {
  for (const thing of made) thing.leave()
})

export function temporary(prefix) {
  const path = mkdtempSync(join(tmpdir(), `deployer-${prefix}-`))
  made.add({ leave: () => rmSync(path, { recursive: true, force: true }) })
  return path
}

// Waits until look() returns something true; asks again soon, for what no event tells.
export async function until(look, what, limit = seconds(20)) {
  const end = Date.now() + limit
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (Date.now() > end) throw new Error(`not in ${limit / 1000} s: ${what}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

// A copy of everything that an admin edits; edit(path, text => text) changes a file as an editor does: whole, by rename.
export function copyRoot() {
  const root = temporary('root')
  for (const part of ['config.lua', 'scripts', 'www', 'locales']) cpSync(join(top, part), join(root, part), { recursive: true })
  return {
    root,
    read: (path) => readFileSync(join(root, path), 'utf8'),
    write(path, text) {
      writeFileSync(join(root, `${path}.new~`), text)
      renameSync(join(root, `${path}.new~`), join(root, path))
    },
    edit(path, change) {
      const before = this.read(path)
      const after = change(before)
      assert.notEqual(after, before, `the edit of ${path} changes nothing`)
      this.write(path, after)
    },
  }
}

// The tests' own copy of the tree, made once: whoever edits while they run disturbs nobody.
let copy
const still = () => (copy ??= copyRoot().root)

const sanitizer = /AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:/
const base = { PATH: process.env.PATH, HOME: process.env.HOME, TZ: 'UTC', ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0', UBSAN_OPTIONS: 'print_stacktrace=1' }

class Program {
  static running = new Set()

  constructor(kind, args, env, binary = DEPLOYER) {
    Object.assign(this, { kind, args, binary, env: { ...base, ...env }, lines: [], log: [], waiting: new Set(), expected: [] })
    this.leave = () => this.child?.kill('SIGKILL')
  }

  async start() {
    const from = this.log.length
    this.child = spawn(this.binary, this.args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
    made.add(this)
    Program.running.add(this)
    this.gone = new Promise((done, failed) => {
      this.child.on('error', (error) => failed(new Error(`${this.binary}: ${error.message}; 'make build/hooks/deployer' builds both`)))
      this.child.on('close', (code, signal) => {
        made.delete(this)
        Program.running.delete(this)
        this.ended = { code, signal }
        for (const waiter of this.waiting) waiter.end()
        done(this.ended)
      })
    })
    this.gone.catch(() => {})
    this.ended = null
    for (const stream of [this.child.stdout, this.child.stderr]) createInterface({ input: stream }).on('line', (line) => this.#line(line))
    const listening = await Promise.race([this.logged((line) => line.event === `${this.kind}.listening`, 'the listening line', { from }), this.gone])
    if (!listening.port) throw new Error(`the ${this.kind} ended at start: ${JSON.stringify(listening)}\n${this.tail()}`)
    this.port = listening.port
    this.url = `http://127.0.0.1:${this.port}`
    return this
  }

  #line(line) {
    this.lines.push(line)
    if (process.env.TEST_LOGS) console.error(`${this.kind}: ${line}`)
    let parsed
    try { parsed = JSON.parse(line) } catch { return }
    this.log.push(parsed)
    for (const waiter of this.waiting) waiter.line(parsed)
  }

  tail(n = 30) { return this.lines.slice(-n).map((line) => `  ${this.kind}: ${line}`).join('\n') }

  // The first logged line, from now or from an index, that look() accepts; waits for it.
  logged(look, what, { from = 0, limit = seconds(20) } = {}) {
    const already = this.log.slice(from).find(look)
    if (already) return Promise.resolve(already)
    return new Promise((done, failed) => {
      const finish = (act, value) => { clearTimeout(timer); this.waiting.delete(waiter); act(value) }
      const waiter = {
        line: (line) => { if (look(line)) finish(done, line) },
        end: () => finish(failed, new Error(`the ${this.kind} ended before ${what}\n${this.tail()}`)),
      }
      const timer = setTimeout(() => finish(failed, new Error(`not logged in ${limit / 1000} s: ${what}\n${this.tail()}`)), limit)
      this.waiting.add(waiter)
    })
  }

  api(path, options) { return request(this.url + path, options) }

  // Lines of level "error" that match are what the test is about.
  expect(pattern) { this.expected.push(pattern) }

  inspect() {
    const found = this.lines.filter((line) => sanitizer.test(line))
    assert.deepEqual(found, [], `a sanitizer spoke:\n${this.tail(80)}`)
    assert.deepEqual(this.lines.filter((line) => !line.startsWith('{')), [], `the ${this.kind} wrote something that is no JSON line`)
    const errors = this.lines.filter((line) => /"level":"error"/.test(line) && !this.expected.some((pattern) => pattern.test(line)))
    assert.deepEqual(errors, [], `the ${this.kind} logged errors`)
  }

  // Ends it as an operator does, and looks at what it leaves.
  async stop({ limit = seconds(15) } = {}) {
    if (this.ended) return this.#found(() => this.inspect())
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limit)
    await this.gone
    clearTimeout(timer)
    this.#found(() => {
      assert.deepEqual(this.ended, { code: 0, signal: null }, `the ${this.kind} did not end well\n${this.tail()}`)
      this.inspect()
    })
  }

  // What is found wrong at the end ends the test's file: whoever was to stop the other programs next never comes to it.
  #found(look) {
    try {
      look()
    } catch (error) {
      for (const program of Program.running) program.letGo()
      throw error
    }
  }

  // The tests' process does not wait for it any more, and takes it along when it ends.
  letGo() { for (const held of [this.child, this.child.stdout, this.child.stderr]) held.unref() }

  async kill9() {
    this.child.kill('SIGKILL')
    await this.gone
  }

  // Starts it again on the same data and the same port.
  async restart(env = {}) {
    this.env = { ...this.env, ...env, [this.portVariable]: String(this.port) }
    return until(() => this.#startUnlessTaken(), `port ${this.port} is free again`)
  }

  // Nothing listens on the port that it had; but an outgoing connection of any program may have been given it meanwhile, for a moment.
  async #startUnlessTaken() {
    const before = this.lines.length
    try {
      return await this.start()
    } catch (error) {
      if (!this.lines.slice(before).some((line) => /Address already in use/.test(line))) throw error
      this.lines.length = before
      return false
    }
  }
}

class Rehearsal extends Program {
  portVariable = 'REHEARSAL_PORT'

  async state() { return (await this.api('/__rehearsal/state')).json }

  // Adds rules; with no argument, shows them with their hits.
  async faults(rules) {
    const { status, json, text } = rules === undefined ? await this.api('/__rehearsal/faults')
      : await this.api('/__rehearsal/faults', { method: 'POST', json: rules })
    assert.ok(status >= 200 && status < 300, `faults: ${status} ${text}`)
    return json
  }

  async forgetFaults() { await this.api('/__rehearsal/faults', { method: 'DELETE' }) }

  // Asks the double as Dokploy: dokploy('application.one', { applicationId }).
  async dokploy(procedure, query = {}) {
    const { status, json, text } = await this.api(`/api/${procedure}?${new URLSearchParams(query)}`, { headers: { 'x-api-key': 'tests' } })
    assert.equal(status, 200, `${procedure}: ${text}`)
    return json
  }

  async reset() { await this.api('/__rehearsal/reset', { method: 'POST' }) }

  // What the double holds that speaks of this name, volumes apart.
  async holds(name) {
    const state = await this.state()
    const found = []
    for (const kind of ['projects', 'applications', 'domains', 'mounts', 'services', 'deployments']) {
      for (const thing of state[kind]) {
        if (new RegExp(`(^|[^a-z0-9-])${name}([^a-z0-9]|$)`).test(JSON.stringify(thing))) found.push({ kind, thing })
      }
    }
    return found
  }

  async holdsNothing(name) {
    assert.deepEqual(await this.holds(name), [], `the rehearsal still holds something of ${name}`)
  }

  // The stack's own address, as a browser would ask it.
  stack(name, path = '/', { password, ...options } = {}) {
    const headers = { ...options.headers }
    if (password !== undefined) headers.authorization = `Basic ${Buffer.from(`opencode:${password}`).toString('base64')}`
    return request(`http://${name}.localhost:${this.port}${path}`, { ...options, headers })
  }
}

class Portal extends Program {
  portVariable = 'PORT'

  check(name, options) { return this.api(`/api/check/${encodeURIComponent(name)}`, options) }

  deploy(name, { template, ...options } = {}) {
    return this.api('/api/deploy', { method: 'POST', json: { name, ...(template ? { template } : {}) }, ...options })
  }

  remove(name, { data, ...options } = {}) { return this.api(`/api/stack/${name}${data ? `?data=${data}` : ''}`, { method: 'DELETE', ...options }) }

  stack(name, options) { return this.api(`/api/stack/${name}`, options) }

  status(statusUrl, options = {}) { return this.api(statusUrl, { ...options, headers: { accept: 'application/json', ...options.headers } }) }

  stream(statusUrl, options) { return sse(this.url + statusUrl, options) }

  follow(statusUrl, options) { return follow(this.url + statusUrl, options) }

  cancel(deploymentId, options) { return this.api(`/api/status/${deploymentId}/cancel`, { method: 'POST', ...options }) }

  // Deploys and follows to the end; the answer and the terminal event.
  async deployed(name, options) {
    const answer = await this.deploy(name, options)
    assert.equal(answer.status, 202, `deploy ${name}: ${answer.status} ${answer.text}\n${this.tail()}`)
    const { events, last } = await this.follow(answer.json.statusUrl)
    return { answer, key: answer.json.ownerKey, events, last }
  }

  // Deploys to `ready`, or says why not.
  async ready(name, options) {
    const done = await this.deployed(name, options)
    assert.equal(done.last.event, 'ready', `${name}: ${JSON.stringify(done.last)}\n${this.tail()}`)
    return done
  }
}

// version: "0.30.2" or "0.26.5"; speed: how many times faster than life its deployments run.
export async function startRehearsal({ version, speed = 50, env = {}, root = still() } = {}) {
  return new Rehearsal('rehearsal', ['--root', root, '--rehearsal'], {
    DATA_DIR: temporary('rehearsal'), REHEARSAL_PORT: '0', REHEARSAL_SPEED: String(speed),
    ...(version ? { REHEARSAL_DOKPLOY_VERSION: version } : {}), ...env,
  }).start()
}

// hooks: with crash points.
export async function startPortal({ rehearsal, env = {}, root = still(), hooks = false } = {}) {
  return new Portal('portal', ['--root', root], {
    DATA_DIR: temporary('portal'), PORT: '0', ADMIN_TOKEN: ADMIN, REHEARSAL_PORT: String(rehearsal?.port ?? UNKNOWN_PORT),
    REHEARSAL_SPEED: rehearsal?.env.REHEARSAL_SPEED ?? '50', ...env,
  }, hooks ? HOOKS : DEPLOYER).start()
}

// Both. `env` goes to the portal, `rehearsalEnv` to the double.
export async function startAll({ version, speed, env, rehearsalEnv, root, hooks } = {}) {
  const rehearsal = await startRehearsal({ version, speed, env: rehearsalEnv, root })
  const portal = await startPortal({ rehearsal, env, root, hooks }).catch((error) => {
    rehearsal.leave() // a child that lives would keep the tests from ending
    throw error
  })
  return {
    rehearsal,
    portal,
    async stop() {
      try { await portal.stop() } finally { await rehearsal.stop() }
    },
  }
}
