// Starts the real binary, as a portal and as a rehearsal (the double of Dokploy), each on a free
// port with data of its own, and inspects how it ends: exit status 0, no sanitizer report, nothing
// on its output but JSON lines, and no line of level "error" that the test did not expect.
//
//   const { portal, rehearsal } = useWorld({ speed: 20 }) // for all tests of a file or describe()
//   test('...', inWorld({}, async ({ portal }) => { ... })) // for one test
//
// DEPLOYER, DEPLOYER_HOOKS: the shipped binary, and the one with crash points (`hooks: true`).
// TEST_PATIENCE=4: every limit is four times as long, and the programs' clocks run slower.
// TEST_LOGS=1: print what the programs log.
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { after, before } from 'node:test'
import { createInterface } from 'node:readline'
import assert from 'node:assert/strict'
import { PATIENCE, follow, pause, request, seconds, sse } from './client.mjs'
import { checkerOf } from './described.mjs'
import { copyTree, leftovers, temporary, top } from './tree.mjs'

export {
  PATIENCE, collect, follow, inOrder, pause, request, seconds, sse, terminal,
} from './client.mjs'
export { copyTree, queueLimits, temporary, top } from './tree.mjs'

export const DEPLOYER = resolve(process.env.DEPLOYER ?? join(top, 'build/deployer'))
const HOOKS = resolve(
  process.env.DEPLOYER_HOOKS ?? join(dirname(DEPLOYER), 'hooks', basename(DEPLOYER)))
export const ADMIN = 'admin-token-of-the-tests'
export const UNKNOWN_PORT = 9 // nothing listens there
export const LANGUAGES = ['en', 'nl', 'ar']
export const VERSIONS = ['0.30.2', '0.26.5'] // of Dokploy, as recorded
// How much faster than real time the programs' timers and deadlines run.
export const TIME_SCALE = Number(process.env.TIME_SCALE ?? Math.max(1, 20 / PATIENCE))

// Polls look() until it returns something truthy, for what no event announces.
export async function until(look, what, limit = seconds(20)) {
  const end = Date.now() + limit
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (Date.now() > end) throw new Error(`not in ${limit / 1000} s: ${what}`)
    await pause(20)
  }
}

// The tests' own copy, made once: editing the sources while tests run disturbs none of them.
let sharedTree
const sharedRoot = () => (sharedTree ??= copyTree()).root

const sanitizer = /AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:/
const baseEnv = {
  PATH: process.env.PATH, HOME: process.env.HOME, TZ: 'UTC',
  ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0', UBSAN_OPTIONS: 'print_stacktrace=1',
}

export class Program {
  static running = new Set()

  // `env`: an object, or a function that returns one when the program is started.
  constructor(kind, args, env, binary = DEPLOYER) {
    Object.assign(this, { kind, args, env, binary, lines: [], log: [], expected: [] })
    this.waiters = new Set()
    this.discard = () => this.child?.kill('SIGKILL')
  }

  async start() {
    if (typeof this.env === 'function') this.env = this.env()
    const from = this.log.length
    const env = { ...baseEnv, ...this.env }
    if (env.NODE_ENV !== 'production') env.TIME_SCALE ??= String(TIME_SCALE)
    const stdio = ['ignore', 'pipe', 'pipe']
    if (this.onCommit) {
      env.DEPLOYER_COMMIT_FD = '3'
      stdio.push('pipe')
    }
    this.child = spawn(this.binary, this.args, { env, stdio })
    this.ended = null
    leftovers.add(this)
    Program.running.add(this)
    this.gone = new Promise((resolve, reject) => {
      this.child.on('error', (error) => {
        reject(new Error(`${this.binary}: ${error.message}; 'make ${this.binary}' builds it`))
      })
      this.child.on('close', (code, signal) => {
        leftovers.delete(this)
        Program.running.delete(this)
        this.ended = { code, signal }
        for (const waiter of this.waiters) waiter.end()
        resolve(this.ended)
      })
    })
    this.gone.catch(() => {})
    if (this.onCommit) this.#serveCommits(this.child.stdio[3])
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#addLine(line))
    }
    const isListening = (line) => line.event === `${this.kind}.listening`
    const logged = this.loggedOrEnded(isListening, 'listening', { from })
    const line = await Promise.race([logged, this.gone])
    if (!line?.port) {
      const end = JSON.stringify(this.ended)
      throw new Error(`the ${this.kind} ended at start: ${end}\n${this.tail()}`)
    }
    this.port = line.port
    this.url = `http://127.0.0.1:${this.port}`
    return this
  }

  // The journal's thread writes "N before" or "N after" and waits for a byte back.
  #serveCommits(pipe) {
    pipe.on('error', () => {}) // it was killed while it waited
    const lines = createInterface({ input: pipe })
    lines.on('error', () => {})
    lines.on('line', async (line) => {
      await this.onCommit?.(line)
      pipe.write('.')
    })
  }

  #addLine(line) {
    this.lines.push(line)
    if (process.env.TEST_LOGS) console.error(`${this.kind}: ${line}`)
    let parsed
    try { parsed = JSON.parse(line) } catch { return }
    this.log.push(parsed)
    for (const waiter of this.waiters) waiter.line(parsed)
  }

  tail(n = 30) { return this.lines.slice(-n).map((line) => `  ${this.kind}: ${line}`).join('\n') }

  // Waits for the first line of the log, from index `from`, that look() accepts. Resolves to
  // null when the program ends first; use it where the program may exit.
  loggedOrEnded(look, what, { from = 0, limit = seconds(20) } = {}) {
    const found = this.log.slice(from).find(look)
    if (found || this.ended) return Promise.resolve(found ?? null)
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer)
        this.waiters.delete(waiter)
        settle(value)
      }
      const waiter = {
        line: (line) => { if (look(line)) finish(resolve, line) },
        end: () => finish(resolve, null),
      }
      const late = () => new Error(`not logged in ${limit / 1000} s: ${what}\n${this.tail()}`)
      const timer = setTimeout(() => finish(reject, late()), limit)
      this.waiters.add(waiter)
    })
  }

  // The same, and the program's end is a failure.
  async logged(look, what, options) {
    const line = await this.loggedOrEnded(look, what, options)
    if (!line) throw new Error(`the ${this.kind} ended before it logged: ${what}\n${this.tail()}`)
    return line
  }

  api(path, options) { return request(this.url + path, options) }

  // Lines of level "error" that match are part of the test.
  expect(pattern) { this.expected.push(pattern) }

  inspect() {
    const reports = this.lines.filter((line) => sanitizer.test(line))
    assert.deepEqual(reports, [], `a sanitizer report:\n${this.tail(80)}`)
    const others = this.lines.filter((line) => !line.startsWith('{'))
    assert.deepEqual(others, [], `the ${this.kind} printed something that is not JSON`)
    const isExpected = (line) => this.expected.some((pattern) => pattern.test(line))
    const errors = this.lines.filter((it) => /"level":"error"/.test(it) && !isExpected(it))
    assert.deepEqual(errors, [], `the ${this.kind} logged errors`)
  }

  // Ends it as an operator does, and inspects what it leaves.
  async stop({ limit = seconds(15) } = {}) {
    if (!this.child) return
    if (this.ended) return this.#orLetGo(() => this.inspect())
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limit)
    await this.gone
    clearTimeout(timer)
    this.#orLetGo(() => {
      const message = `the ${this.kind} did not end properly\n${this.tail()}`
      assert.deepEqual(this.ended, { code: 0, signal: null }, message)
      this.inspect()
    })
  }

  // A failed inspection skips the code that stops the other programs; without this they would keep
  // the test's process alive.
  #orLetGo(look) {
    try {
      look()
    } catch (error) {
      for (const program of Program.running) {
        const { child } = program
        for (const handle of [child, child.stdout, child.stderr]) handle.unref()
      }
      throw error
    }
  }

  async kill9() {
    this.child.kill('SIGKILL')
    await this.gone
  }

  // Starts it again on the same data and port. A variable that is undefined is removed.
  async restart(env = {}) {
    this.env = { ...this.env, ...env, [this.portVariable]: String(this.port) }
    return until(() => this.#startUnlessTaken(), `port ${this.port} is free again`)
  }

  // An outgoing connection of any program may have been given the port meanwhile, for a moment.
  async #startUnlessTaken() {
    const from = this.lines.length
    try {
      return await this.start()
    } catch (error) {
      const isTaken = this.lines.slice(from).some((line) => /Address already in use/.test(line))
      if (!isTaken) throw error
      this.lines.length = from
      return false
    }
  }
}

export class Rehearsal extends Program {
  portVariable = 'REHEARSAL_PORT'

  async state() { return (await this.api('/__rehearsal/state')).json }

  // Adds fault rules, one or a list; without an argument returns the rules with their hits.
  async faults(rules) {
    const options = rules === undefined ? {} : { method: 'POST', json: rules }
    const { status, json, text } = await this.api('/__rehearsal/faults', options)
    assert.ok(status >= 200 && status < 300, `faults: ${status} ${text}`)
    return json
  }

  // Makes calls, or with "deploy" deployments, wait until forgetFaults(). Given no name, for all.
  async hold(at, name) {
    const kind = at === 'deploy' ? 'hang' : 'latency'
    return this.faults({ at, kind, times: 0, ...(name ? { name } : {}) })
  }

  async forgetFaults() { await this.api('/__rehearsal/faults', { method: 'DELETE' }) }

  async hits() { return (await this.faults()).reduce((sum, rule) => sum + rule.hits, 0) }

  // A query to the double, as Dokploy takes it: dokploy('application.one', { applicationId }).
  async dokploy(procedure, query = {}) {
    const path = `/api/${procedure}?${new URLSearchParams(query)}`
    const { status, json, text } = await this.api(path, { headers: { 'x-api-key': 'tests' } })
    assert.equal(status, 200, `${procedure}: ${text}`)
    return json
  }

  // A mutation: what somebody changes in Dokploy by hand.
  async change(procedure, json) {
    const headers = { 'x-api-key': 'tests' }
    const answer = await this.api(`/api/${procedure}`, { method: 'POST', json, headers })
    assert.equal(answer.status, 200, `${procedure}: ${answer.text}`)
    return answer.json
  }

  // Plays a command that an operator runs on Dokploy's machine, such as docker network connect.
  async docker(command) {
    const answer = await this.api('/__rehearsal/docker', { method: 'POST', json: { command } })
    assert.equal(answer.status, 200, `${command}: ${answer.text}`)
  }

  // What the workspace says that is done in it: { session: 'busy', idle: seconds, report: false }.
  async activity(name, given = {}) {
    const json = { host: `${name}.localhost`, ...given }
    const answer = await this.api('/__rehearsal/activity', { method: 'POST', json })
    assert.equal(answer.status, 200, answer.text)
  }

  async reset() { await this.api('/__rehearsal/reset', { method: 'POST' }) }

  async volumes() { return (await this.state()).volumes.map(({ name }) => name) }

  // What the double holds of this name, except volumes.
  async holds(name) {
    const state = await this.state()
    const pattern = new RegExp(`(^|[^a-z0-9-])${name}([^a-z0-9]|$)`)
    const kinds = ['projects', 'applications', 'domains', 'mounts', 'services', 'deployments']
    return kinds.flatMap((kind) => state[kind]
      .filter((thing) => pattern.test(JSON.stringify(thing)))
      .map((thing) => ({ kind, thing })))
  }

  async holdsNothing(name) {
    assert.deepEqual(await this.holds(name), [], `the rehearsal still holds something of ${name}`)
  }

  // The workspace's own address, as a browser asks it.
  stack(name, path = '/', { password, ...options } = {}) {
    const headers = { ...options.headers }
    if (password !== undefined) headers.authorization = `Basic ${btoa(`opencode:${password}`)}`
    return request(`http://${name}.localhost:${this.port}${path}`, { ...options, headers })
  }
}

// Of the first portal that runs the shared tree.
let checker

export class Portal extends Program {
  portVariable = 'PORT'

  // Every answer must be as the OpenAPI document says.
  async api(path, options = {}) {
    const answer = await super.api(path, options)
    if (!checker && this.args.includes(sharedTree?.root)) {
      const { status, json } = await request(`${this.url}/api/openapi.json`)
      if (status === 200) checker = checkerOf(json) // else it answers under another name only
    }
    checker?.(options.method ?? 'GET', path, answer)
    return answer
  }

  check(name, options) { return this.api(`/api/check/${encodeURIComponent(name)}`, options) }

  post(path, json, options) { return this.api(path, { method: 'POST', json, ...options }) }

  deploy(name, { template, ...options } = {}) {
    return this.post('/api/deploy', { name, ...(template ? { template } : {}) }, options)
  }

  remove(name, { data, ...options } = {}) {
    const query = data ? `?data=${data}` : ''
    return this.api(`/api/stack/${name}${query}`, { method: 'DELETE', ...options })
  }

  // `what`: stop, start, restart, redeploy, password.
  act(name, what, options) { return this.post(`/api/stack/${name}/${what}`, undefined, options) }

  // Asks again when Dokploy was late to tell the password.
  async stack(name, options) {
    let answer
    for (let tries = 0; tries < 5; tries++) {
      answer = await this.api(`/api/stack/${name}`, options)
      if (!answer.json?.passwordProblem) break
    }
    return answer
  }

  // The answer that has the password.
  reveal(name, options) {
    return until(async () => {
      const answer = await this.post(`/api/stack/${name}/password`, { action: 'reveal' }, options)
      return answer.status !== 503 && answer
    }, 'Dokploy tells the password')
  }

  status(statusUrl, options = {}) {
    const headers = { accept: 'application/json', ...options.headers }
    return this.api(statusUrl, { ...options, headers })
  }

  stream(statusUrl, options) { return sse(this.url + statusUrl, options) }

  follow(statusUrl, options) { return follow(this.url + statusUrl, options) }

  cancel(deploymentId, options) {
    return this.post(`/api/status/${deploymentId}/cancel`, undefined, options)
  }

  // Follows what an answer accepted to its end, which must be `event`: ready, deleted...
  async finish(answer, event, options) {
    assert.equal(answer.status, 202, `${answer.status} ${answer.text}\n${this.tail()}`)
    const { events, last } = await this.follow(answer.json.statusUrl, options)
    if (event) assert.equal(last.event, event, `${JSON.stringify(last)}\n${this.tail()}`)
    return { answer, events, last, key: answer.json.ownerKey }
  }

  // Deploys and follows to the end, whatever that is; and to `ready`.
  async deployed(name, options) { return this.finish(await this.deploy(name, options)) }

  async ready(name, options) { return this.finish(await this.deploy(name, options), 'ready') }

  async deleted(name, options) { return this.finish(await this.remove(name, options), 'deleted') }

  // Reloads the scripts after an edit; resolves when they are in force. A load that was under way
  // when they were edited does not count: it has ended when /health answers.
  async reload(edit = () => {}) {
    const from = this.log.length // a restart begins the generations again
    await edit()
    const { generation } = (await this.api('/health')).json
    this.child.kill('SIGHUP')
    const isNewer = (line) => line.event === 'scripts.loaded' && line.generation > generation
    await this.logged(isNewer, 'the reload', { from })
  }
}

// Runs act() while all threads of the program are stopped.
export async function whileStopped({ child }, act) {
  const tasks = `/proc/${child.pid}/task`
  const stateOf = (id) => readFileSync(join(tasks, id, 'stat'), 'utf8').split(') ')[1][0]
  child.kill('SIGSTOP')
  try {
    await until(() => readdirSync(tasks).every((id) => stateOf(id) === 'T'), 'its threads stop')
    await act()
  } finally {
    child.kill('SIGCONT')
  }
}

// The variables of a portal that uses the double as a real Dokploy, by address and token.
export const dokployEnv = (rehearsal) => ({
  DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN: 'tests', STACK_DOMAIN_SUFFIX: 'localhost',
  STACK_SCHEME: 'http', STACK_CONNECT_TO: `127.0.0.1:${rehearsal.port}`,
  STACK_IMAGE: 'ghcr.io/example/stack:1',
})

// `version`: of Dokploy; `speed`: deployments take their usual time divided by this.
function createRehearsal({ version, speed = 50, env = {}, root = sharedRoot() } = {}) {
  return new Rehearsal('rehearsal', ['--root', root, '--rehearsal'], {
    DATA_DIR: temporary('rehearsal'), REHEARSAL_PORT: '0', REHEARSAL_SPEED: String(speed),
    ...(version ? { REHEARSAL_DOKPLOY_VERSION: version } : {}), ...env,
  })
}

// `env`: an object, or a function of the rehearsal that runs by then; `hooks`: with crash points.
// `onCommit(text)`: called around each commit, which waits for it (needs the hooks).
export function createPortal(options = {}) {
  const { rehearsal, env = {}, root = sharedRoot(), onCommit, hooks = Boolean(onCommit) } = options
  const variables = () => ({
    DATA_DIR: temporary('portal'), PORT: '0', ADMIN_TOKEN: ADMIN,
    REHEARSAL_PORT: String(rehearsal?.port ?? UNKNOWN_PORT),
    REHEARSAL_SPEED: rehearsal?.env.REHEARSAL_SPEED ?? '50',
    ...(typeof env === 'function' ? env(rehearsal) : env),
  })
  const portal = new Portal('portal', ['--root', root], variables, hooks ? HOOKS : DEPLOYER)
  return Object.assign(portal, { onCommit })
}

export const startRehearsal = (options) => createRehearsal(options).start()
export const startPortal = (options) => createPortal(options).start()

// A rehearsal and a portal, not started yet. `env` goes to the portal, `rehearsalEnv` to the
// rehearsal; `edits`: what an admin changed in the tree, as copyTree() takes it.
function createWorld(options = {}) {
  const { version, speed, env, rehearsalEnv, edits, hooks, onCommit, ...rest } = options
  const tree = edits ? copyTree(edits) : rest.tree
  const root = tree?.root ?? rest.root
  const rehearsal = createRehearsal({ version, speed, env: rehearsalEnv, root })
  const portal = createPortal({ rehearsal, env, root, hooks, onCommit })
  return {
    rehearsal, portal, tree,
    async start() {
      await rehearsal.start()
      await portal.start().catch((error) => {
        rehearsal.discard() // a live child would keep the tests from ending
        throw error
      })
      return this
    },
    async stop() {
      try { await portal.stop() } finally { await rehearsal.stop() }
    },
  }
}

export const startAll = (options) => createWorld(options).start()

// A world for all tests of the file, or of the describe() in which this is called. prepare(world)
// runs when it has started. (A second before() at the top of a file would not wait for the first.)
export function useWorld(options = {}) {
  const world = createWorld(options)
  before(async () => {
    await world.start()
    await options.prepare?.(world)
  })
  after(() => world.stop())
  return world
}

// The function of a test that has a world of its own: run(world, t).
export const inWorld = (options, run) => async (t) => {
  const world = await startAll(options)
  try {
    await run(world, t)
  } finally {
    await world.stop()
  }
}

// The function of a test with another portal on a rehearsal that runs: run(portal, t).
export const withPortal = (options, run) => async (t) => {
  const portal = await startPortal(typeof options === 'function' ? options() : options)
  try {
    await run(portal, t)
  } finally {
    await portal.stop()
  }
}
