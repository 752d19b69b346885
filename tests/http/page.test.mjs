// The page as a browser fetches it: compressed, cached for ever where possible, complete at once,
// and across an upgrade.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { LANGUAGES, copyTree, top, useWorld, withPortal } from './harness.mjs'

const { portal, rehearsal } = useWorld()
const gzip = { 'accept-encoding': 'gzip, br' }
const get = (path, options) => portal.api(path, options)
const read = (path) => readFileSync(join(top, path), 'utf8')
const assetsIn = (html) =>
  [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, address]) => address)

for (const language of LANGUAGES) {
  test(`${language}: the compressed page is the page, and is sent once`, async () => {
    const path = '/?name=%3Cb%3E'
    const plain = await get(path, { language })
    const packed = await get(path, { language, headers: gzip })
    assert.equal(plain.headers['content-encoding'], undefined)
    assert.equal(packed.headers['content-encoding'], 'gzip')
    assert.equal(gunzipSync(packed.bytes).toString(), plain.text)
    const [size, full] = [packed.bytes.length, plain.bytes.length]
    assert.ok(size < full * 0.6, `${size} of ${full} bytes`)
    assert.equal(plain.headers['content-language'], language)
    for (const { headers } of [plain, packed]) {
      assert.match(headers.vary, /Accept-Language.*Cookie.*Accept-Encoding/)
    }
    const { etag } = packed.headers
    assert.notEqual(plain.headers.etag, etag, 'other bytes have another tag')
    const again = await get(path, { language, headers: { ...gzip, 'if-none-match': etag } })
    assert.deepEqual([again.status, again.bytes.length, again.headers.etag], [304, 0, etag])
    const other = language === 'en' ? 'nl' : 'en'
    const headers = { 'if-none-match': plain.headers.etag }
    assert.equal((await get('/', { language: other, headers })).status, 200)
  })
}

test('a shared link has an image and texts in its language; browsers find an icon', async () => {
  for (const language of LANGUAGES) {
    const { text } = await get('/', { language })
    const tags = text.matchAll(/<meta (?:property|name)="([a-z:]+)" content="([^"]*)">/g)
    const meta = Object.fromEntries([...tags].map(([, name, value]) => [name, value]))
    const locale = JSON.parse(read(`locales/${language}.json`))
    const lead = locale['page.lead']
    const expected = [locale['page.heading'], lead, lead, language]
    const names = ['og:title', 'og:description', 'description', 'og:locale']
    assert.deepEqual(names.map((name) => meta[name]), expected)
    const { bytes } = await get(meta['og:image'].slice(portal.url.length))
    assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [1200, 630])
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG')
  }
  const icon = await get('/favicon.ico')
  assert.equal(icon.headers['content-type'], 'image/x-icon')
  assert.deepEqual([...icon.bytes.subarray(0, 6)], [0, 0, 1, 0, 3, 0], 'an icon of three sizes')
})

test('the style sheets use logical properties, for both directions of writing', () => {
  const box = '((margin|padding|border|inset|scroll-margin|scroll-padding)-)?'
  const side = `(${box}(left|right|top|bottom)[\\w-]*|(min-|max-)?(width|height)|float)`
  const physical = new RegExp(`(?<![\\w-])${side}\\s*:[^;}]*|text-align:\\s*(left|right)`, 'g')
  for (const name of ['style.css', 'admin.css']) {
    const css = read(`www/${name}`).replace(/\/\*.*?\*\//gs, '')
      .replace(/@(media|container)[^{]*/g, '')
    assert.deepEqual(css.match(physical) ?? [], [], name)
  }
})

test('private pages are compressed too, and not cached', async () => {
  const { headers, bytes } = await get('/deployment/none', { headers: gzip })
  assert.deepEqual([headers['cache-control'], headers.etag], ['no-store', undefined])
  assert.match(gunzipSync(bytes).toString(), /^<!doctype html>/)
})

test('everything the page consists of is cached for ever, and comes compressed', async () => {
  const addresses = assetsIn((await get('/')).text)
  const versions = new Set(addresses.map((address) => address.split('/')[2]))
  assert.equal(versions.size, 1, [...versions].join(' '))
  assert.match([...versions][0], /^[0-9a-f]{16}$/)
  for (const address of new Set(addresses)) {
    const { status, headers, bytes } = await get(address, { headers: gzip })
    assert.equal(status, 200, address)
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable', address)
    if (/\.(png|ico)$/.test(address)) continue
    assert.equal(headers['content-encoding'], 'gzip', `${address}: make precompressed`)
    assert.equal(gunzipSync(bytes).toString(), (await get(address)).text)
    const conditional = { ...gzip, 'if-none-match': headers.etag }
    assert.equal((await get(address, { headers: conditional })).status, 304)
  }
})

test('no script is discovered only when another one imports it', async () => {
  const { text } = await get('/')
  const scripts = new Set(assetsIn(text).filter((address) => address.endsWith('.js')))
  assert.ok(scripts.size > 5)
  for (const address of scripts) {
    const { text: script } = await get(address)
    for (const [, file] of script.matchAll(/from "\.\/([^"]+)"/g)) {
      const imported = address.replace(/[^/]+$/, file)
      assert.ok(scripts.has(imported), `${address} imports ${file}, which the page does not name`)
    }
  }
})

test('a page opened before an upgrade finds its files; new pages use new ones', async (t) => {
  const old = assetsIn((await get('/')).text)
  const { root } = copyTree({ 'www/style.css': (css) => `${css}\n/* newer */\n` })
  await withPortal({ rehearsal, root }, async (newer) => {
    const fresh = assetsIn((await newer.api('/')).text)
    assert.equal(fresh.length, old.length)
    for (const address of old) {
      assert.ok(!fresh.includes(address), `${address} has other bytes now`)
      const { status, headers } = await newer.api(address)
      assert.deepEqual([status, headers['cache-control']], [200, 'no-cache'], address)
    }
    assert.equal((await newer.api(old[0].replace(/[^/]+$/, 'none.js'))).status, 404)
  })(t)
})
