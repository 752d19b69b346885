// A workspace that stands: stop, start, restart, a new password; the key, and the way to another device.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import jsqr from 'jsqr'
import { deploy, openDesk, password, ready, said, text, title } from './browser.mjs'

let desk
before(async () => { desk = await openDesk() })
after(() => desk?.close())

// What a camera would read in the code at that selector.
async function scan(page, selector) {
  const { data, width, height } = await page.$eval(selector, async (svg) => {
    const copy = svg.cloneNode(true)
    copy.setAttribute('width', 450)
    copy.setAttribute('height', 450)
    const image = new Image()
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: 450, height: 450 })
    const brush = canvas.getContext('2d')
    brush.fillStyle = '#fff'
    brush.fillRect(0, 0, 450, 450)
    brush.drawImage(image, 0, 0)
    return { data: [...brush.getImageData(0, 0, 450, 450).data], width: 450, height: 450 }
  })
  return jsqr(new Uint8ClampedArray(data), width, height)?.data
}

test('stop, start, restart: each is followed to its end', async () => {
  const { page, done } = await desk.visit('en')
  await deploy(page, 'up-and-down')
  await ready(page)
  await page.click('#act-stop')
  await page.waitForSelector('#job.stopped #act-start')
  assert.equal(await title(page), text('en', 'page.job.stopped', { name: 'up-and-down' }))
  assert.equal(await page.isVisible('#open'), false, 'what is stopped cannot be opened')
  await page.click('#back')
  await page.waitForSelector('#workspaces li.stopped')
  await page.click('[data-name=up-and-down] a')
  await page.click('#act-start')
  await page.waitForSelector('#job.ready #act-stop')
  await page.click('#act-restart')
  await page.waitForURL('**/deployment/*')
  await page.waitForSelector('#job.ready #act-stop')
  await done()
})

test('a new password takes the place of the old one', async () => {
  const { page, done } = await desk.visit('nl')
  await deploy(page, 'new-lock')
  await ready(page)
  assert.match(await page.textContent('#password'), /^•+$/, 'nobody reads it over a shoulder')
  const old = await password(page)
  await page.click('#act-rotate')
  await page.click('#rotate button[value=""]')
  assert.equal(await page.isVisible('#rotate'), false, 'a change of mind')
  await page.click('#act-rotate')
  await page.click('#rotate button[value=go]')
  await page.waitForSelector('#job:not(.ready)')
  await ready(page)
  const fresh = await password(page)
  assert.notEqual(fresh, old)
  assert.equal((await desk.world.rehearsal.stack('new-lock', '/path', { password: fresh })).status, 200)
  assert.equal((await desk.world.rehearsal.stack('new-lock', '/path', { password: old })).status, 401)
  await done()
})

test('the key can be copied, downloaded, and photographed', async () => {
  const { page, done } = await desk.visit('en')
  await deploy(page, 'key-keeper')
  await ready(page)
  const key = await page.textContent('#owner-key')
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('#key-download')])
  assert.equal(file.suggestedFilename(), 'key-keeper-key.txt')
  assert.ok(readFileSync(await file.path(), 'utf8').split('\n').includes(key))
  await page.click('.keep summary')
  assert.equal(await scan(page, '.keep details .qr'), key)
  await done()
})

test('a link takes all workspaces to another browser, once', async () => {
  const first = await desk.visit('en')
  await deploy(first.page, 'on-two-screens')
  await ready(first.page)
  await first.page.click('#move')
  const link = await first.page.textContent('#move-link')
  assert.equal(await scan(first.page, '.moved .qr'), link)
  const { page, done } = await desk.visit('ar', { path: link.slice(desk.world.portal.url.length) })
  assert.equal(await said(page, 'h1'), text('ar', 'move.title'))
  await page.click('main button')
  await page.waitForSelector('#workspaces li.ready[data-name=on-two-screens]')
  await page.click('[data-name=on-two-screens] a')
  await page.waitForSelector('#password')
  assert.equal(await password(page), await password(first.page))
  await done()
  await first.done()
})
