// A workspace that exists: stop, start, restart, a new password; the key, the link to another
// device.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import jsqr from 'jsqr'
import { ADMIN } from '../http/harness.mjs'
import {
  NO_SCRIPT, content, deploy, deployPlainly, go, ownerKey, password, ready, seconds, text, title,
  useBrowser,
} from './browser_fixture.mjs'

const fixture = useBrowser()

// What a camera reads in the QR code at that selector.
async function scan(page, selector) {
  await page.waitForSelector(selector)
  const pixels = await page.$eval(selector, async (svg) => {
    const copy = svg.cloneNode(true)
    copy.setAttribute('width', 450)
    copy.setAttribute('height', 450)
    const image = new Image()
    const source = new XMLSerializer().serializeToString(copy)
    image.src = `data:image/svg+xml,${encodeURIComponent(source)}`
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: 450, height: 450 })
    const brush = canvas.getContext('2d')
    brush.fillStyle = '#fff'
    brush.fillRect(0, 0, 450, 450)
    brush.drawImage(image, 0, 0)
    return [...brush.getImageData(0, 0, 450, 450).data]
  })
  return jsqr(new Uint8ClampedArray(pixels), 450, 450)?.data
}

test('stop, start, restart: each is followed to its end', async () => {
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'up-and-down')
  await ready(page)
  await page.click('#act-stop')
  await page.waitForSelector('#job.stopped #act-start')
  assert.equal(await title(page), text('en', 'page.job.stopped', { name: 'up-and-down' }))
  assert.equal(await page.isVisible('#open'), false, 'a stopped workspace cannot be opened')
  await go(page, '#back')
  await page.waitForSelector('#workspaces li.stopped')
  await go(page, '[data-name=up-and-down] a')
  await page.click('#act-start')
  await page.waitForSelector('#job.ready #act-stop')
  const before = page.url()
  await page.click('#act-restart')
  await page.waitForURL((url) => url.href !== before)
  await page.waitForSelector('#job.ready #act-stop')
  await done()
})

for (const [language, options] of [['en', {}], ['ar', NO_SCRIPT]]) {
  test(`${language}: one that is asleep says so, and wakes when asked`, async () => {
    const name = `sleepy-${language}`
    const { page, done } = await fixture.visit(language, options)
    if (options === NO_SCRIPT) await deployPlainly(page, name)
    else await deploy(page, name)
    await page.waitForSelector('#job.ready', { timeout: seconds(40) })
    await fixture.rehearsal.activity(name, { idle: 3600 })
    const { portal } = fixture
    await portal.finish(await portal.act(name, 'sleep', { key: ADMIN }), 'asleep')
    await go(page, '#back')
    const item = page.locator(`[data-name=${name}]`)
    assert.equal(await item.locator('.state').textContent(), text(language, 'page.state.asleep'))
    await item.locator('a').first().click()
    await page.waitForSelector('#act-wake')
    assert.ok((await content(page, 'main')).includes(text(language, 'page.asleep')))
    assert.equal(await page.isVisible('#open'), false, 'it cannot be opened')
    await page.click('#act-wake')
    await page.waitForSelector('#job.ready #open', { timeout: seconds(40) })
    assert.equal(await title(page), text(language, 'page.job.ready', { name }))
    await done()
  })
}

test('a new password replaces the old one', async () => {
  const { page, done } = await fixture.visit('nl')
  await deploy(page, 'new-lock')
  await ready(page)
  assert.match(await page.textContent('#password'), /^•+$/, 'hidden until asked for')
  const old = await password(page)
  await page.click('#reveal')
  assert.match(await page.textContent('#password'), /^•+$/, 'hidden again')
  await page.click('#rotate-open')
  await page.click('#rotate [data-close]')
  assert.equal(await page.isVisible('#rotate .primary'), false, 'a change of mind')
  await page.click('#rotate-open')
  const before = page.url()
  await page.click('#rotate .primary')
  await page.waitForURL((url) => url.href !== before)
  await ready(page)
  const fresh = await password(page)
  assert.notEqual(fresh, old)
  const status = async (secret) =>
    (await fixture.rehearsal.stack('new-lock', '/path', { password: secret })).status
  assert.equal(await status(fresh), 200)
  assert.equal(await status(old), 401)
  await done()
})

test('a password that Dokploy does not tell is reported, and nothing else is lost', async () => {
  const { page, done } = await fixture.visit('en', { expected: [/503/] })
  await deploy(page, 'no-password')
  await ready(page)
  const fault = { at: 'application.one', kind: 'status', status: 401, times: 0 }
  await fixture.rehearsal.faults(fault)
  await page.click('#reveal')
  await page.waitForSelector('.value .wrong:not(:empty)')
  const problem = await content(page, '.value .wrong')
  assert.equal(problem, text('en', 'password.dokploy_refused'))
  assert.equal(await page.isVisible('#open'), true)
  await done()
})

test('the key can be copied, downloaded and photographed', async () => {
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'key-keeper')
  await ready(page)
  const key = await ownerKey(page)
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('#key-download')])
  assert.equal(file.suggestedFilename(), 'key-keeper-key.txt')
  assert.ok(readFileSync(await file.path(), 'utf8').split('\n').includes(key))
  await page.click('.keep summary')
  assert.equal(await scan(page, '.keep details .qr'), key)
  await done()
})

test('a link moves all workspaces to another browser, once', async () => {
  const first = await fixture.visit('en')
  await deploy(first.page, 'on-two-screens')
  await ready(first.page)
  await first.page.click('#move')
  await first.page.waitForSelector('#move-link:not(:empty)')
  const link = await first.page.textContent('#move-link')
  assert.equal(await scan(first.page, '.moved .qr'), link)
  const { page, done } = await fixture.visit('ar', { path: link.slice(link.indexOf('/move#')) })
  assert.equal(await content(page, 'h1'), text('ar', 'move.title'))
  await page.click('main button')
  await page.waitForSelector('#workspaces li.ready[data-name=on-two-screens]')
  await go(page, '[data-name=on-two-screens] a')
  await page.waitForSelector('#password')
  assert.equal(await password(page), await password(first.page))
  await done()
  await first.done()
})
