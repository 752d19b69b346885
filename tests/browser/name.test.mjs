// The name field: what it says while somebody types.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deploy, openDesk, ready, said, text } from './browser.mjs'

let desk
before(async () => {
  desk = await openDesk()
  await desk.world.portal.ready('taken-name')
})
after(() => desk?.close())

test('a taken name brings free ones, and a click takes one of them', async () => {
  const { page, done } = await desk.visit('en')
  await page.fill('#name', 'taken-name')
  await page.waitForSelector('#check.wrong')
  assert.equal(await page.getAttribute('#name', 'aria-invalid'), 'true')
  const offered = await page.$$eval('#suggestions button', (buttons) => buttons.map((button) => button.textContent))
  assert.ok(offered.length > 0)
  await page.click('#suggestions button')
  await page.waitForSelector('#check.good')
  assert.equal(await page.inputValue('#name'), offered[0])
  assert.equal(await page.evaluate(() => document.activeElement.id), 'name')
  await done()
})

test('a refused name is not sent', async () => {
  const { page, done } = await desk.visit('nl')
  let sent = 0
  page.on('request', (request) => { if (request.method() === 'POST') sent++ })
  await page.fill('#name', 'a--b')
  await page.waitForSelector('#check.wrong')
  assert.equal(await said(page, '#check'), text('nl', 'name.invalid.hyphens'))
  await page.click('#deploy')
  await page.fill('#name', '')
  await page.click('#deploy')
  assert.equal(await said(page, '#check'), text('nl', 'page.name.rule'))
  assert.equal(await page.isVisible('#home'), true)
  assert.equal(sent, 0)
  await done()
})

test('the last answer wins, also when an earlier one comes later', async () => {
  const { page, done } = await desk.visit('en')
  let held
  await page.route('**/api/check/taken-name', async (route) => {
    held = route
  })
  await page.fill('#name', 'taken-name')
  while (!held) await page.waitForTimeout(20)
  await page.fill('#name', 'quite-free')
  await page.waitForSelector('#check.good')
  await held.continue().catch(() => {}) // the page has given it up already
  await page.waitForTimeout(300)
  assert.equal(await said(page, '#check'), text('en', 'page.name.free', { name: 'quite-free' }))
  await done()
})

test('an answer that never comes is not waited for, and stops nobody', async () => {
  const { page, done } = await desk.visit('ar')
  await page.route('**/api/check/*', () => {})
  await page.clock.install()
  await page.fill('#name', 'nobody-knows')
  await page.clock.runFor(1000)
  assert.equal(await page.getAttribute('#name', 'aria-busy'), 'true')
  await page.clock.runFor(10_000)
  assert.equal(await said(page, '#check'), text('ar', 'page.name.unknown'))
  assert.equal(await page.getAttribute('#name', 'aria-busy'), null)
  await done()
})

test('typing asks once it pauses, not at every key', async () => {
  const { page, done } = await desk.visit('en')
  const asked = []
  page.on('request', (request) => { if (request.url().includes('/api/check/')) asked.push(request.url()) })
  await page.locator('#name').pressSequentially('patience', { delay: 30 })
  await page.waitForSelector('#check.good')
  assert.ok(asked.length < 4, asked.join(' ')) // one, but where the machine is so busy that keys come slowly
  assert.match(asked.at(-1), /patience$/)
  await done()
})

test('a pasted address becomes its name, in the Arabic page too', async () => {
  const { page, context, done } = await desk.visit('ar')
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const address = await page.textContent('#address')
  const marked = `\u2066 ${address.replace('name', 'Pasted-In')}/L3dvcmtzcGFjZQ/session \u2069` // as it is copied out of Arabic text
  await page.evaluate((text) => navigator.clipboard.writeText(text), marked)
  await page.focus('#name')
  await page.keyboard.press('Control+V')
  await page.waitForSelector('#check.good')
  assert.equal(await page.inputValue('#name'), 'pasted-in')
  assert.equal(await page.$eval('#name', (field) => getComputedStyle(field).direction), 'ltr')
  assert.equal(await page.$eval('#address', (line) => getComputedStyle(line).unicodeBidi), 'isolate')
  await done()
})

test('a name that is taken between the check and the click is told at the field', async () => {
  const { page, done } = await desk.visit('en', { expected: [/409/] })
  await page.fill('#name', 'snatched')
  await page.waitForSelector('#check.good')
  await desk.world.portal.ready('snatched')
  await page.click('#deploy')
  await page.waitForSelector('#check.wrong')
  await page.waitForSelector('#suggestions button')
  assert.equal(await page.isVisible('#home'), true)
  await done()
})

test('a portal that does not answer is said, and nothing is lost', async () => {
  const { page, done } = await desk.visit('en', { expected: [/Failed to load|ERR_/] })
  await page.route('**/api/deploy', (route) => route.abort())
  await page.fill('#name', 'patient-one')
  await page.waitForSelector('#check.good')
  await page.click('#deploy')
  await page.waitForSelector('#problem:not([hidden])')
  assert.ok((await page.textContent('#problem')).includes(text('en', 'page.unreachable.title')))
  await page.unroute('**/api/deploy')
  await page.click('#deploy')
  await ready(page)
  await done()
})

test('an owner key that the portal does not know any more is no obstacle', async () => {
  const { page, done } = await desk.visit('en', { expected: [/401/] })
  await page.evaluate(() => localStorage.setItem('deployer', JSON.stringify({ key: 'own_old.key', workspaces: [] })))
  await deploy(page, 'new-start')
  await ready(page)
  await done()
})
