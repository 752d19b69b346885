// The installation's own files in the long run: many versions of the largest folder, kills in the
// middle of a push, an upgrade.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, watch } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { ADMIN, copyTree, inWorld, seconds, startAll, top } from '../http/harness.mjs'
import { siteOf } from '../http/site.mjs'

const KEPT = 50, FILES = 200, BYTES = 1 << 20 // of lib/site/versions.lua and core/bundle.h

const admin = (portal, method, path, json) =>
  portal.api(`/api/admin/site${path}`, { method, json, key: ADMIN, timeout: seconds(120) })
const put = (portal, files) => admin(portal, 'PUT', '', { files })

// The largest folder that is allowed, of another content each time.
function largest(mark) {
  const names = `return { words = { "${mark}" } }\n`
  const size = Math.floor((BYTES - names.length) / (FILES - 1))
  const files = { 'policy/names.lua': names }
  for (let i = 1; i < FILES; i++) files[`www/file-${i}.txt`] = `${mark}-${i}\n`.padEnd(size, '.')
  return files
}

// What is in force is one of the two candidates, as a whole, and the folder holds it.
async function inForce(portal, site, candidates) {
  const { json: { number, files } } = await admin(portal, 'GET', '')
  const index = candidates.findIndex((it) => it['policy/names.lua'] === files['policy/names.lua'])
  assert.deepEqual(files, candidates[index], 'not one version as a whole')
  const onDisk = readdirSync(site.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('~'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  const read = Object.fromEntries(onDisk.map((path) =>
    [path.slice(site.path.length + 1), readFileSync(path, 'utf8')]))
  assert.deepEqual(read, files, 'the folder holds another version')
  return { index, number }
}

test('the largest folder, and versions until the oldest go', async (t) => {
  const site = siteOf()
  await inWorld({ env: site.env }, async ({ portal }) => {
    const took = []
    for (let i = 1; i <= KEPT + 1; i++) {
      const start = performance.now()
      const answer = await put(portal, largest(`mark-${i}`))
      took.push(performance.now() - start)
      assert.equal(answer.status, 200, answer.text)
    }
    took.sort((a, b) => a - b)
    t.diagnostic(`a push of 1 MiB: median ${took[KEPT / 2].toFixed(0)} ms`)
    const { versions } = (await admin(portal, 'GET', '/versions')).json
    assert.deepEqual(versions.map(({ number }) => number),
      Array.from({ length: KEPT }, (_, i) => KEPT + 1 - i))
    assert.equal((await admin(portal, 'POST', '/versions/1/activate')).json.code, 'version_unknown')
    assert.equal((await admin(portal, 'POST', '/versions/2/activate')).status, 200)
    await inForce(portal, site, [largest('mark-2')])
    const more = { ...largest('more'), 'www/one-more.txt': 'x' }
    assert.equal((await put(portal, more)).json.code, 'site_invalid')
  })(t)
})

test('killed at any moment of a push: one whole version, and the folder holds it', async (t) => {
  const site = siteOf()
  const world = await startAll({ env: site.env, hooks: true, onCommit: () => {} })
  const { portal } = world
  // A folder that is half old and half new may be too large, or have one NAME.new too many; the
  // version replaces it at the start.
  portal.expect(/larger than 1024 KiB|more than 200 files/)
  // Each kills the portal once that many of a push's moments have passed.
  let left = Infinity
  const pass = () => { if (--left < 0) portal.child.kill('SIGKILL') }
  try {
    let old = largest('first')
    assert.equal((await put(portal, old)).status, 200)
    const outcomes = []
    const kill = async (name, arm) => {
      const next = largest(name)
      const watcher = arm()
      const answer = await put(portal, next).catch(() => null)
      watcher?.close()
      portal.onCommit = () => {}
      await portal.kill9()
      await portal.restart()
      const { index } = await inForce(portal, site, [old, next])
      outcomes.push(`${name} ${['old', 'new'][index]}`)
      if (answer) assert.deepEqual([answer.status, index], [200, 1], 'an answered push is lost')
      if (index === 1) old = next
      return { index, wasAnswered: Boolean(answer) }
    }
    const found = []
    for (let moment = 0, ended; !ended && moment < 20; moment++) {
      const { index, wasAnswered } = await kill(`commit-${moment}`, () => {
        left = moment
        portal.onCommit = pass
      })
      found.push(index)
      ended = wasAnswered
    }
    assert.deepEqual([found[0], found.at(-1)], [0, 1])
    assert.deepEqual(found, [...found].sort(), 'a later moment lost what an earlier one kept')
    for (const files of [1, 20, 150]) { // written to the folder
      await kill(`file-${files}`, () => {
        left = 2 * files // each is made and renamed
        return watch(join(site.path, 'www'), pass)
      })
    }
    t.diagnostic(outcomes.join(', '))
  } finally {
    await world.stop()
  }
})

describe('an upgrade', () => {
  const folder = join(top, 'docs/recipes')
  // Of recipes that have the same Lua file, one.
  const recipes = ['email-domains', 'name-rule', 'large-template', 'expiry', 'night-stop', 'theme',
    'env-per-user', 'file-mount', 'health-rule', 'placement', 'message-of-the-day', 'german',
    'report-csv', 'order-of-steps', 'step-with-undo']

  const filesOf = (name) =>
    readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => [path.slice(join(folder, name).length + 1), readFileSync(path, 'utf8')])

  // All of them in one folder; `url` is of what their steps ask.
  function merged(url) {
    const files = {}
    for (const [path, text] of recipes.flatMap(filesOf)) {
      const old = files[path]
      files[path] = old && path.endsWith('.json')
        ? JSON.stringify({ ...JSON.parse(old), ...JSON.parse(text) }) : text
    }
    files['config.lua'] = `return { site = {
      licences = "${url}/check/", chat = "${url}/hook", dns = "${url}/records/" } }\n`
    files['steps/dns_record.lua'] =
      files['steps/dns_record.lua'].replace('https://dns.example.com', url)
    return files
  }

  // What a release may change: a rule, a limit, the order of steps, reserved words.
  const release = {
    'scripts/policy/access.lua': (text) => text.replace('{ name = "quota",', `{ name = "no_temps",
      decide = function(_, action, what)
        if action == "deploy" and what.name:find "temp" then return false, "name_reserved" end
      end },

  { name = "quota",`),
    'scripts/policy/limits.lua': (text) => text.replace('development = {},',
      'development = { owner = 3 },'),
    'scripts/policy/names.lua': (text) => text.replace('"administrator",', '"law-dean",'),
    'scripts/steps/init.lua': (text) => {
      const domain = text.match(/ *require "steps\.domain".*\n/)[0]
      return text.replace(domain, '').replace(/( *require "steps\.settings")/, `${domain}$1`)
    },
  }
  const another = copyTree(release)

  async function serve(t) {
    const records = new Set()
    const server = http.createServer((incoming, response) => {
      const name = incoming.url.split('/').pop(), { method } = incoming
      if (!incoming.url.startsWith('/records/')) return response.end()
      const has = records.has(name)
      if (method === 'PUT' || method === 'POST') records.add(name)
      else if (method === 'DELETE') records.delete(name)
      response.writeHead(method === 'GET' && !has ? 404 : 200).end()
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => { server.closeAllConnections(); server.close() })
    return { records, url: `http://127.0.0.1:${server.address().port}` }
  }

  const stepsOf = (events) => events.filter(({ data }) => data.step && data.state === 'done')
    .map(({ data }) => data.step)

  test('keeps the installation\'s own files working, or says what does not fit', async (t) => {
    const { records, url } = await serve(t)
    const site = siteOf()
    const world = await startAll({ env: { ...site.env, ACCESS: 'open' }, speed: 200 })
    const { portal } = world
    const works = async (name) => {
      const { events, key } = await portal.ready(name, { template: 'large' })
      assert.ok(records.has(name))
      const { json } = await portal.api('/api/motd')
      assert.match(json.text, /^On Friday/)
      assert.equal((await portal.check('anna')).json.code, 'faculty_missing')
      const page = await portal.api('/', { language: 'de', headers: { accept: 'text/html' } })
      assert.match(page.text, /Dein eigener Arbeitsbereich/)
      return { key, steps: stepsOf(events) }
    }
    const move = async (root) => {
      await portal.stop()
      portal.args = ['--root', root]
      await portal.restart()
    }
    try {
      const files = merged(url)
      const pushed = await put(portal, files)
      assert.equal(pushed.status, 200, pushed.text)
      const before = await works('law-anna')

      await move(another.root)
      const { json } = await admin(portal, 'GET', '')
      assert.deepEqual([json.number, json.files], [pushed.json.number, files])
      const now = await works('law-bob')
      assert.deepEqual([...now.steps].sort(), [...before.steps].sort())
      const place = (list, step) => list.indexOf(step)
      assert.ok(place(before.steps, 'settings') < place(before.steps, 'domain'))
      assert.ok(place(now.steps, 'domain') < place(now.steps, 'settings'))
      assert.equal((await portal.deploy('law-temp')).status, 422)
      assert.equal((await portal.check('law-dean')).json.code, 'name_reserved')
      await portal.deleted('law-anna', { key: before.key })
      assert.deepEqual([...records], ['law-bob'])

      another.edit('scripts/policy/access.lua', (text) =>
        text.replaceAll('"mode"', '"access_mode"'))
      portal.expect(/site\/policy\/access\.lua/)
      await move(another.root)
      const { problems: [problem] } = (await admin(portal, 'GET', '')).json
      t.diagnostic(problem.message)
      assert.deepEqual([problem.file, (await portal.api('/ready')).status],
        ['site/policy/access.lua', 503])
      assert.match(problem.message, /before.*"mode"/)
    } finally {
      await world.stop()
    }
  })
})
