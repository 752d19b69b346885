// The page as a browser fetches it: compressed, kept for ever where it can be, all at once, and across an upgrade.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { copyRoot, startAll, startPortal } from './harness.mjs'

const LANGUAGES = ['en', 'nl', 'ar']
const gzip = { 'accept-encoding': 'gzip, br' }
let world
before(async () => { world = await startAll() })
after(() => world?.stop())

const get = (path, options) => world.portal.api(path, options)
const assets = (html) => [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, address]) => address)

for (const language of LANGUAGES) {
  test(`${language}: the page compressed is the page, and is sent once`, async () => {
    const plain = await get('/?name=%3Cb%3E', { language })
    const packed = await get('/?name=%3Cb%3E', { language, headers: gzip })
    assert.equal(plain.headers['content-encoding'], undefined)
    assert.equal(packed.headers['content-encoding'], 'gzip')
    assert.equal(gunzipSync(packed.bytes).toString(), plain.text)
    assert.ok(packed.bytes.length < plain.bytes.length * 0.6, `${packed.bytes.length} of ${plain.bytes.length} bytes`)
    assert.equal(plain.headers['content-language'], language)
    for (const answer of [plain, packed]) assert.match(answer.headers.vary, /Accept-Language.*Cookie.*Accept-Encoding/)
    assert.notEqual(plain.headers.etag, packed.headers.etag, 'one tag for one sequence of bytes')
    const again = await get('/?name=%3Cb%3E', { language, headers: { ...gzip, 'if-none-match': packed.headers.etag } })
    assert.equal(again.status, 304)
    assert.equal(again.bytes.length, 0)
    assert.equal(again.headers.etag, packed.headers.etag)
    assert.equal((await get('/', { language: language === 'en' ? 'nl' : 'en', headers: { 'if-none-match': plain.headers.etag } })).status, 200)
  })
}

test('a link to the portal is shown with a picture and words in its language; every browser finds an icon', async () => {
  for (const language of LANGUAGES) {
    const { text } = await get('/', { language })
    const said = Object.fromEntries([...text.matchAll(/<meta (?:property|name)="([a-z:]+)" content="([^"]*)">/g)].map(([, name, value]) => [name, value]))
    const locale = JSON.parse(readFileSync(new URL(`../../locales/${language}.json`, import.meta.url), 'utf8'))
    assert.equal(said['og:title'], locale['page.heading'])
    assert.equal(said['og:description'], locale['page.lead'])
    assert.equal(said.description, locale['page.lead'])
    assert.equal(said['og:locale'], language)
    const { bytes } = await get(said['og:image'].slice(world.portal.url.length))
    assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [1200, 630])
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG')
  }
  const icon = await get('/favicon.ico')
  assert.equal(icon.headers['content-type'], 'image/x-icon')
  assert.deepEqual([...icon.bytes.subarray(0, 6)], [0, 0, 1, 0, 3, 0], 'an icon of three sizes')
})

test('the style knows no left and no right: what it says holds in both directions of writing', () => {
  for (const name of ['style.css', 'admin.css']) {
    const css = readFileSync(new URL(`../../www/${name}`, import.meta.url), 'utf8').replace(/\/\*.*?\*\//gs, '').replace(/@(media|container)[^{]*/g, '')
    const sides = css.match(/(?<![\w-])(((margin|padding|border|inset|scroll-margin|scroll-padding)-)?(left|right|top|bottom)[\w-]*|(min-|max-)?(width|height)|float)\s*:[^;}]*|text-align:\s*(left|right)/g)
    assert.deepEqual(sides ?? [], [], name)
  }
})

test('what is private is compressed too, and kept by nobody', async () => {
  const { headers, bytes } = await get('/deployment/none', { headers: gzip })
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(headers.etag, undefined)
  assert.match(gunzipSync(bytes).toString(), /^<!doctype html>/)
})

test('everything that the page consists of is kept for ever, and comes compressed', async () => {
  const { text } = await get('/')
  const addresses = assets(text)
  const versions = new Set(addresses.map((address) => address.split('/')[2]))
  assert.equal(versions.size, 1, [...versions].join(' '))
  assert.match([...versions][0], /^[0-9a-f]{16}$/)
  for (const address of new Set(addresses)) {
    const { status, headers, bytes } = await get(address, { headers: gzip })
    assert.equal(status, 200, address)
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable', address)
    if (/\.(png|ico)$/.test(address)) continue
    assert.equal(headers['content-encoding'], 'gzip', `${address} is precompressed: make precompressed`)
    assert.equal(gunzipSync(bytes).toString(), (await get(address)).text)
    assert.equal((await get(address, { headers: { ...gzip, 'if-none-match': headers.etag } })).status, 304)
  }
})

test('no script is fetched because another one asked for it', async () => {
  const { text } = await get('/')
  const told = new Set(assets(text).filter((address) => address.endsWith('.js')))
  assert.ok(told.size > 5)
  for (const address of told) {
    const { text: script } = await get(address)
    for (const [, file] of script.matchAll(/from "\.\/([^"]+)"/g)) {
      assert.ok(told.has(address.replace(/[^/]+$/, file)), `${address} imports ${file}, of which the page says nothing`)
    }
  }
})

test('a page that was opened before an upgrade finds its files, and the new page has new addresses', async () => {
  const { text } = await get('/')
  const old = assets(text)
  const copy = copyRoot()
  copy.edit('www/style.css', (css) => `${css}\n/* newer */\n`)
  const portal = await startPortal({ rehearsal: world.rehearsal, root: copy.root })
  try {
    const fresh = assets((await portal.api('/')).text)
    assert.equal(fresh.length, old.length)
    for (const address of old) {
      assert.ok(!fresh.includes(address), `${address} is an address of other bytes now`)
      const { status, headers } = await portal.api(address)
      assert.equal(status, 200, address)
      assert.equal(headers['cache-control'], 'no-cache', address)
    }
    assert.equal((await portal.api(old[0].replace(/[^/]+$/, 'none.js'))).status, 404)
  } finally {
    await portal.stop()
  }
})
