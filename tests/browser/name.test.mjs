// The name field: what it says while somebody types.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { content, deploy, focused, ready, text, useBrowser } from './browser_fixture.mjs'

const fixture = useBrowser({}, ({ portal }) => portal.ready('taken-name'))

test('a taken name brings free ones, and a click takes one of them', async () => {
  const { page, done } = await fixture.visit('en')
  await page.fill('#name', 'taken-name')
  await page.waitForSelector('#check.wrong')
  assert.equal(await page.getAttribute('#name', 'aria-invalid'), 'true')
  const offered = await page.locator('#suggestions button').allTextContents()
  assert.ok(offered.length > 0)
  await page.click('#suggestions button')
  await page.waitForSelector('#check.good')
  assert.equal(await page.inputValue('#name'), offered[0])
  assert.equal(await focused(page), 'name')
  await done()
})

test('a refused name is not sent', async () => {
  const { page, done } = await fixture.visit('nl')
  let sent = 0
  page.on('request', (request) => { if (request.method() === 'POST') sent++ })
  await page.fill('#name', 'a--b')
  await page.waitForSelector('#check.wrong')
  assert.equal(await content(page, '#check'), text('nl', 'name.invalid.hyphens'))
  await page.click('#deploy')
  await page.fill('#name', '')
  await page.click('#deploy')
  assert.equal(await content(page, '#check'), text('nl', 'live.name.rule'))
  assert.equal(await page.isVisible('#home'), true)
  assert.equal(sent, 0)
  await done()
})

test('the answer for the last name wins, also when an earlier one arrives later', async () => {
  const { page, done } = await fixture.visit('en')
  let hold
  const held = new Promise((resolve) => { hold = resolve })
  await page.route('**/api/check/taken-name', hold)
  await page.fill('#name', 'taken-name')
  const route = await held
  await page.fill('#name', 'quite-free')
  await page.waitForSelector('#check.good')
  await route.continue().catch(() => {}) // the page has given it up already
  await page.evaluate(() => fetch('/api/check/quite-free')) // a round trip later
  assert.equal(await content(page, '#check'), text('en', 'live.name.free', { name: 'quite-free' }))
  await done()
})

test('an answer that never comes is not waited for, and stops nobody', async () => {
  const { page, done } = await fixture.visit('ar')
  await page.route('**/api/check/*', () => {})
  await page.clock.install()
  await page.fill('#name', 'nobody-knows')
  await page.clock.runFor(1000)
  assert.equal(await page.getAttribute('#name', 'aria-busy'), 'true')
  await page.clock.runFor(10_000)
  assert.equal(await content(page, '#check'), text('ar', 'live.name.unknown'))
  assert.equal(await page.getAttribute('#name', 'aria-busy'), null)
  await done()
})

test('typing asks once it pauses, not at every key', async () => {
  const { page, done } = await fixture.visit('en')
  const asked = []
  page.on('request', (request) => {
    if (request.url().includes('/api/check/')) asked.push(new URL(request.url()).pathname)
  })
  await page.clock.install()
  await page.clock.pauseAt(Date.now() + 1000)
  await page.focus('#name')
  for (const letter of 'patience') {
    await page.keyboard.press(letter)
    await page.clock.runFor(30)
  }
  await page.clock.runFor(1000)
  await page.waitForSelector('#check.good')
  assert.deepEqual(asked, ['/api/check/patience'])
  await done()
})

test('a pasted address becomes its name, on the Arabic page too', async () => {
  const { page, context, done } = await fixture.visit('ar')
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const address = (await page.textContent('#address')).replace('name', 'Pasted-In')
  const copied = `\u2066 ${address}/L3dvcmtzcGFjZQ/session \u2069` // as from an Arabic text
  await page.evaluate((words) => navigator.clipboard.writeText(words), copied)
  await page.focus('#name')
  await page.keyboard.press('Control+V')
  await page.waitForSelector('#check.good')
  assert.equal(await page.inputValue('#name'), 'pasted-in')
  assert.equal(await page.$eval('#name', (field) => getComputedStyle(field).direction), 'ltr')
  const bidi = await page.$eval('#address', (line) => getComputedStyle(line).unicodeBidi)
  assert.equal(bidi, 'isolate')
  await done()
})

test('a name that is taken between the check and the click is reported at the field', async () => {
  const { page, done } = await fixture.visit('en', { expected: [/409/] })
  await page.fill('#name', 'snatched')
  await page.waitForSelector('#check.good')
  await fixture.portal.ready('snatched')
  await page.click('#deploy')
  await page.waitForSelector('#check.wrong')
  await page.waitForSelector('#suggestions button')
  assert.equal(await page.isVisible('#home'), true)
  await done()
})

test('a portal that does not answer is reported, and nothing is lost', async () => {
  const { page, done } = await fixture.visit('en', { expected: [/Failed to load|ERR_/] })
  await page.route('**/api/deploy', (route) => route.abort())
  await page.fill('#name', 'patient-one')
  await page.waitForSelector('#check.good')
  await page.click('#deploy')
  await page.waitForSelector('#problem:not([hidden])')
  const problem = await page.textContent('#problem')
  assert.ok(problem.includes(text('en', 'live.unreachable.title')))
  await page.unroute('**/api/deploy')
  await page.click('#deploy')
  await ready(page)
  await done()
})
