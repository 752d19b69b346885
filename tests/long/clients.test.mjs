// Clients from elsewhere, each with its defaults: what they send of their own accord (Accept,
// Content-Type, Expect, cookies, reconnects) must lead to what their users expect.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { EventSource } from 'eventsource'
import * as undici from 'undici'
import { launch } from '../browser/browser_fixture.mjs'
import { seconds, temporary, until, useWorld } from '../http/harness.mjs'
import { needs, run } from './programs.mjs'

const { portal } = useWorld()
const url = (path) => portal.url + path
const TERMINAL = ['ready', 'failed', 'cancelled', 'deleted', 'done']

const finished = (statusUrl, event) => portal.follow(statusUrl)
  .then(({ last }) => assert.equal(last.event, event, JSON.stringify(last)))

// A client that runs and ends: what it prints, parsed where it is JSON.
async function output(program, args, options) {
  const { code, stdout, stderr } = await run(program, args, options)
  assert.equal(code, 0, `${program} ${args.join(' ')}\n${stdout}\n${stderr}`)
  return stdout
}
const json = async (...call) => JSON.parse(await output(...call))

describe('curl', needs('curl'), () => {
  const curl = (...args) => output('curl', ['-sS', '--fail-with-body', ...args])
  const JSON_TYPE = ['-H', 'Content-Type: application/json']
  let owner

  test('deploys, asks for the status and follows the stream', async () => {
    const accepted = JSON.parse(
      await curl(...JSON_TYPE, '-d', '{"name":"by-curl"}', url('/api/deploy')))
    owner = ['-H', `Authorization: Bearer ${accepted.ownerKey}`]
    const stream = await curl('-N', '-H', 'Accept: text/event-stream', url(accepted.statusUrl))
    assert.match(stream, /^event: ready$/m)
    const status = JSON.parse(await curl(url(accepted.statusUrl)))
    assert.equal(status.state, 'ready')
  })

  test('an empty body is no body: -X POST and -d ""', async () => {
    const stopped = JSON.parse(await curl(...owner, '-d', '', url('/api/stack/by-curl/stop')))
    await finished(stopped.statusUrl, 'stopped')
    const started = JSON.parse(
      await curl(...owner, '-X', 'POST', url('/api/stack/by-curl/start')))
    await finished(started.statusUrl, 'ready')
  })

  test('JSON under the type that -d sends is refused with the right type', async () => {
    const { code, stdout } = await run('curl',
      ['-sS', '--fail-with-body', '-d', '{"name":"untyped"}', url('/api/deploy')])
    const problem = JSON.parse(stdout)
    assert.deepEqual([code, problem.status], [22, 415], stdout)
    assert.match(problem.detail, /application\/json/)
  })

  test('a body that waits for 100 Continue is answered', async () => {
    const { stdout } = await run('curl', ['-sS', '-w', '%{http_code}', '-o', '/dev/null',
      ...JSON_TYPE, '-H', 'Expect: 100-continue', '-d', JSON.stringify({ name: 'x'.repeat(2000) }),
      url('/api/deploy')])
    assert.equal(stdout, '422')
  })

  test('HEAD, compression and HTTP/1.0', async () => {
    assert.match(await curl('-I', url('/')), /^HTTP\/1\.1 200 /)
    assert.match(await curl('--compressed', url('/')), /<title>/)
    assert.match(await curl('--http1.0', url('/health')), /"healthy"/)
  })

  test('deletes', async () => {
    const accepted = JSON.parse(
      await curl(...owner, '-X', 'DELETE', url('/api/stack/by-curl')))
    await finished(accepted.statusUrl, 'deleted')
  })
})

test('wget: the page, a deployment, and its cookie in a file', needs('wget'), async () => {
  const cookies = ['--keep-session-cookies', `--save-cookies=${join(temporary('wget'), 'jar')}`]
  cookies.push(cookies[1].replace('save', 'load'))
  const wget = (...args) => output('wget', ['-qO-', ...args])
  assert.match(await wget(url('/')), /<title>/)
  const accepted = JSON.parse(await wget(...cookies.slice(0, 2), '--post-data={"name":"by-wget"}',
    '--header=Content-Type: application/json', url('/api/deploy')))
  await finished(accepted.statusUrl, 'ready')
  const page = await wget(...cookies.slice(0, 1), cookies[2], url('/stack/by-wget'))
  assert.match(page, /by-wget\.localhost/)
})

test('httpie: types and answers are JSON by themselves', needs('http'), async () => {
  const http = (...args) => json('http', ['--ignore-stdin', '--check-status', '-b', ...args])
  const accepted = await http('POST', url('/api/deploy'), 'name=by-httpie')
  await finished(accepted.statusUrl, 'ready')
  assert.equal((await http(url(accepted.statusUrl))).state, 'ready')
  const bearer = `Authorization:Bearer ${accepted.ownerKey}`
  const removed = await http('DELETE', url('/api/stack/by-httpie'), bearer)
  await finished(removed.statusUrl, 'deleted')
  const { code, stdout } = await run('http',
    ['--ignore-stdin', '--check-status', '-b', url('/nothing-here')])
  assert.equal(code, 4)
  assert.equal(JSON.parse(stdout).code, 'not_found')
})

const PYTHON = `
import http.cookiejar, json, sys, urllib.error, urllib.request
base = sys.argv[1]
jar = http.cookiejar.CookieJar()
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
def call(path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    if data: headers['Content-Type'] = 'application/json'
    with opener.open(urllib.request.Request(base + path, data, headers)) as answer:
        return json.load(answer)
accepted = call('/api/deploy', {'name': 'by-python'})
state = None
while state not in ('ready', 'failed'):
    state = call(accepted['statusUrl'])['state']
try:
    call('/nothing-here')
except urllib.error.HTTPError as error:
    missing = json.load(error)['code']
print(json.dumps({
    'state': state, 'cookies': len(jar), 'missing': missing,
    'mine': call('/api/stack/by-python')['name'],
}))
`

test('python: urllib with a cookie jar', needs('python3'), async () => {
  const seen = await json('python3', ['-c', PYTHON, portal.url])
  assert.deepEqual(seen, { state: 'ready', cookies: 1, missing: 'not_found', mine: 'by-python' })
})

test('undici: request, keep-alive and pipelining', async () => {
  const client = new undici.Client(portal.url, { pipelining: 4 })
  try {
    const { statusCode, body } = await client.request({
      path: '/api/deploy', method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'by-undici' }),
    })
    assert.equal(statusCode, 202)
    const accepted = await body.json()
    const names = ['aaa-one', 'aaa-two', 'aaa-three', 'aaa-four']
    const checks = await Promise.all(names.map(async (name) =>
      (await client.request({ path: `/api/check/${name}`, method: 'GET' })).body.json()))
    assert.deepEqual(checks.map((it) => it.name), names)
    await finished(accepted.statusUrl, 'ready')
  } finally {
    await client.close()
  }
})

// Follows a stream to its end with a client's own idea of an event source.
function followed(source) {
  return new Promise((resolve, reject) => {
    const ids = []
    const timer = setTimeout(() => reject(new Error(`no end; ids ${ids}`)), seconds(60))
    const take = (event) => {
      ids.push(Number(event.lastEventId))
      if (!TERMINAL.includes(event.type)) return
      clearTimeout(timer)
      source.close()
      resolve({ ids, last: event.type })
    }
    for (const type of ['queued', 'progress', 'log', ...TERMINAL]) {
      source.addEventListener(type, take)
    }
  })
}

const inOrder = (ids) => ids.every((id, i) => i === 0 || id === ids[i - 1] + 1)

test('eventsource: follows to the end, over a kill of the portal', async () => {
  const { json: accepted } = await portal.deploy('by-eventsource')
  const end = followed(new EventSource(url(accepted.statusUrl)))
  await portal.kill9()
  await portal.restart()
  const { ids, last } = await end
  assert.equal(last, 'ready')
  assert.ok(inOrder(ids), `a gap or a repetition: ${ids}`)
})

test('undici: its EventSource follows to the end', async () => {
  const { json: accepted } = await portal.deploy('by-undici-events')
  const { ids, last } = await followed(new undici.EventSource(url(accepted.statusUrl)))
  assert.equal(last, 'ready')
  assert.ok(inOrder(ids), `a gap or a repetition: ${ids}`)
})

describe('event-source-polyfill in a browser', needs('chromium'), () => {
  const path = createRequire(import.meta.url).resolve('event-source-polyfill')
  let browser
  before(async () => { browser = await launch() })
  after(() => browser.close())

  test('what has ended is not told again, for ever', async () => {
    const { last: { id }, answer } = await portal.ready('by-polyfill')
    const statusUrl = answer.json.statusUrl
    const context = await browser.newContext({ bypassCSP: true })
    const page = await context.newPage()
    const asked = []
    page.on('response', (it) => {
      if (it.url().includes(statusUrl)) asked.push([it.url().split('?')[1], it.status()])
    })
    await page.goto(portal.url)
    await page.addScriptTag({ content: readFileSync(path, 'utf8') })
    await page.evaluate(([from]) => {
      const Source = window.EventSourcePolyfill
      window.events = []
      window.source = new Source(from, { headers: { Accept: 'text/event-stream' } })
      window.source.addEventListener('ready', (it) => window.events.push(it.lastEventId))
    }, [statusUrl])
    const seen = () => asked.some(([query, status]) => query && status === 204)
    await until(seen, 'the polyfill asks again and is told that nothing follows')
    assert.deepEqual(await page.evaluate(() => window.events), [String(id)])
    await context.close()
  })
})

test('a monitor that sends OPTIONS / finds the portal up', needs('curl'), async () => {
  const { stdout } = await run('curl', ['-sS', '--http1.0', '-X', 'OPTIONS', '-o', '/dev/null',
    '-w', '%{http_code}', url('/')])
  assert.equal(stdout, '204')
})
