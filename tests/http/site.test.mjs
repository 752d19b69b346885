// An installation's own folder: what is in it is checked, becomes a version, and comes into force
// as a whole or not at all; one that is broken at the start gives way to the last good one.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN, inWorld, pause, until } from './harness.mjs'
import { siteOf } from './site.mjs'

// The line for visitors is a text that only an installation has.
const NOTICE = 'locales/en.json'
const notice = (text) => JSON.stringify({ 'own.notice': text })
const shows = async (portal, text) =>
  (await portal.api('/', { headers: { accept: 'text/html' } })).text.includes(text)
const refusal = async (portal) => {
  const { degraded } = (await portal.api('/health', { key: ADMIN })).json
  return degraded.find(({ code }) => code === 'edit_rejected')
}
const inWorldOf = (files, act, more = {}) => {
  const site = siteOf(files)
  return inWorld({ env: { ...site.env }, ...more }, (world) => act(world, site))
}
const queryJournal = (portal, sql) => {
  const journal = `${portal.env.DATA_DIR}/journal.db`
  const { stdout, stderr } = spawnSync('sqlite3',
    ['-json', '-cmd', '.timeout 5000', journal, sql], { encoding: 'utf8' })
  assert.equal(stderr, '')
  return JSON.parse(stdout || '[]')
}
const inForce = (portal, text) => until(() => shows(portal, text), `${text} is shown`)

describe('a change', () => {
  test('is in force when it is saved, and is a version', inWorldOf({}, async ({ portal }, site) => {
    assert.equal(await shows(portal, 'crimson'), false)
    site.write(NOTICE, notice('crimson'))
    await inForce(portal, 'crimson')
    site.write(NOTICE, notice('indigo'))
    await inForce(portal, 'indigo')
    const rows = queryJournal(portal, 'SELECT number, source, state, written FROM site_versions')
    assert.deepEqual(rows, [
      { number: 1, source: 'files', state: 'good', written: 1 },
      { number: 2, source: 'files', state: 'good', written: 1 },
    ])
  }))

  test('that is not good changes nothing, and is named by file and line', inWorldOf({
    [NOTICE]: notice('crimson'),
  }, async ({ portal }, site) => {
    portal.expect(/scripts\.rejected/)
    const bad = [
      ['policy/names.lua', 'return { words = { "indigo" }', /site\/policy\/names\.lua/, 1],
      ['policy/name.lua', 'return {}', /nothing reads a file of this name/],
      ['lib/own.lua', 'return { x = undeclared }', /undeclared name "undeclared"/, 1],
      ['tests/own.lua', 'return { fails = function() error("as it must") end }', /as it must/],
      ['locales/nl.json', '{"page.title": 3}', /page\.title: is not a text/],
      ['config.lua', 'return { prot = 3000 }', /prot: unknown key/],
      ['lib/own.lua', 'while true do end', /longer than \d+ ms/, 1],
      ['lib/own.lua', 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e9) .. i end', /memory/],
    ]
    for (const [file, text, what, line] of bad) {
      site.write(file, text)
      const { message, file: named, line: at } = await until(() => refusal(portal), `${what}`)
      assert.match(`${named}: ${message}`, what)
      if (line) assert.equal(at, line, message)
      assert.equal(await shows(portal, 'indigo'), false)
      assert.equal(await shows(portal, 'crimson'), true)
      site.remove(file)
      await until(async () => !(await refusal(portal)), 'the portal is well again')
    }
    assert.equal((queryJournal(portal, 'SELECT * FROM site_versions')).length, 1)
  }))

  test('that hangs while it loads holds nothing up', inWorldOf({}, async ({ portal }, site) => {
    portal.expect(/scripts\.rejected/)
    let slowest = 0, isOver = false
    const asking = (async () => {
      while (!isOver) {
        const start = Date.now()
        await portal.api('/health')
        slowest = Math.max(slowest, Date.now() - start)
        await pause(5)
      }
    })()
    site.write('lib/own.lua', 'while true do pcall(function() while true do end end) end')
    await until(() => refusal(portal), 'it is refused')
    isOver = true
    await asking
    assert.ok(slowest < 700, `an answer took ${slowest} ms, a load is stopped after 1000`)
  }))

  test('follows another: the last one is in force', inWorldOf({}, async ({ portal }, site) => {
    const words = Array.from({ length: 12 }, (_, i) => `colour-${i}`)
    for (const word of words) {
      site.write(NOTICE, notice(word))
      portal.child.kill('SIGHUP')
    }
    await inForce(portal, words.at(-1))
    assert.equal(await shows(portal, words[0]), false)
  }))
})

describe('--check', () => {
  const check = (files) => siteOf(files).check().text.trimEnd().split('\n')

  test('counts each mistake of a table', () => {
    const lines = check({ 'policy/templates.lua': 'return { { id = "x", cpus = -1, foo = 3 } }' })
    assert.match(lines[0], /^site\/policy\/templates\.lua: \[1\]\.foo: unknown key/)
    assert.match(lines[1], /^site\/policy\/templates\.lua: \[1\]\.cpus: invalid value "-1"/)
    assert.deepEqual(lines.slice(2), ['check: 2 to fix'])
  })

  test('counts a mistake that several files meet once', () => {
    assert.deepEqual(check({
      'lib/a.lua': 'return {', 'lib/b.lua': 'return require "site.lib.a"',
      'hooks/c.lua': 'require "site.lib.b"\nreturn { on = { "ready" }, run = function() end }',
    }), ['site/lib/a.lua:1: unexpected symbol near <eof>', 'check: 1 to fix'])
    const test = 'return { one = function() error "first\\nsecond" end }'
    assert.deepEqual(check({ 'lib/a.lua': 'return {}', 'lib/b.lua': 'return require "site.lib.a"',
      'tests/t.lua': test }), ['site/tests/t.lua: one: site/tests/t.lua:1: first', '  second',
      'check: 1 to fix'])
  })
})

describe('at the start', () => {
  test('a folder that does not load is left out, and loads once it is mended', inWorldOf({
  }, async ({ portal }, site) => {
    await portal.kill9()
    site.write('policy/names.lua', 'return {')
    portal.expect(/scripts\.rejected/)
    await portal.restart()
    assert.equal((await refusal(portal)).file, 'site/policy/names.lua')
    const { status, json } = await portal.api('/ready')
    assert.deepEqual([status, json.failing], [503, ['site']], 'a rollout would go back')
    const refused = await portal.deploy('meanwhile', { headers: { 'accept-language': 'nl' } })
    assert.deepEqual([refused.status, refused.json.code, refused.headers['retry-after']],
      [503, 'not_ready', '60'], 'the rules that would decide are missing')
    assert.match(refused.json.detail, /^De eigen regels van deze installatie laden niet/)
    await portal.ready('by-the-admin', { key: ADMIN })
    site.remove('policy/names.lua')
    site.write(NOTICE, notice('crimson'))
    await inForce(portal, 'crimson')
    assert.equal(await refusal(portal), undefined)
    assert.equal((await portal.api('/ready')).status, 200)
    await portal.ready('meanwhile')
  }))

  test('the last good version is in force where the folder has become bad', inWorldOf({
    [NOTICE]: notice('crimson'),
  }, async ({ portal }, site) => {
    await portal.kill9()
    for (const [file, text] of [['config.lua', 'return { prot = 1 }'],
      ['policy/names.lua', 'return {'], ['locales/nl.json', '{"page.title": 3}']]) {
      site.write(file, text)
      portal.expect(/scripts\.rejected/)
      await portal.restart()
      assert.equal(await shows(portal, 'crimson'), true, file)
      const { file: named, message } = await refusal(portal)
      assert.ok(`${named}: ${message}`.includes(`site/${file}: `), `${named}: ${message}`)
      await portal.kill9()
      site.remove(file)
    }
    await portal.restart()
    assert.equal(await refusal(portal), undefined)
  }))

  test('a recorded change that does not load is left out', inWorldOf({
    [NOTICE]: notice('crimson'),
  }, async ({ portal }) => {
    portal.expect(/scripts\.rejected/)
    await portal.kill9()
    queryJournal(portal, `INSERT INTO site_versions (hash, at, source, product, files)
      VALUES ('x', 0, 'push', '0.1.9', '{"config.lua":"return { prot = 1 }"}')`)
    await portal.restart()
    assert.equal(await shows(portal, 'crimson'), true)
    assert.match((await refusal(portal)).message, /prot: unknown key/)
    assert.equal((await portal.api('/api/admin/site', { key: ADMIN })).json.number, 1)
  }))

  test('a change that was recorded and not written to the folder is in force', inWorldOf({
    [NOTICE]: notice('crimson'),
  }, async ({ portal }, site) => {
    await portal.kill9()
    const files = JSON.stringify({ [NOTICE]: notice('indigo') })
    queryJournal(portal, `INSERT INTO site_versions (hash, at, source, product, files)
      VALUES ('x', 0, 'push', '0.2.0', '${files}')`)
    await portal.restart()
    assert.equal(await shows(portal, 'indigo'), true)
    assert.deepEqual(site.check().status, 0)
    const [row] = queryJournal(portal,
      'SELECT state, written FROM site_versions ORDER BY number DESC')
    assert.deepEqual(row, { state: 'good', written: 1 })
  }))

  test('a folder that is gone, as after a restore elsewhere, is written again', inWorldOf({
    [NOTICE]: notice('crimson'),
  }, async ({ portal }, site) => {
    await portal.kill9()
    site.remove(NOTICE)
    await portal.restart()
    assert.equal(await shows(portal, 'crimson'), true)
    assert.equal(readFileSync(join(site.path, NOTICE), 'utf8'), notice('crimson'))
    await portal.reload(() => site.remove(NOTICE))
    assert.equal(await shows(portal, 'crimson'), false)
    await portal.kill9()
    await portal.restart()
    assert.equal(await shows(portal, 'crimson'), false, 'none is a version, too')
  }))
})
