// The main job in each language: name, progress, result, the workspace itself, its deletion.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../http/harness.mjs'
import {
  LANGUAGES, content, deploy, ended, go, ownerKey, password, ready, text, title, useBrowser,
} from './browser_fixture.mjs'

const fixture = useBrowser()
const clipboard = ['clipboard-read', 'clipboard-write']
const clipboardText = (page) => page.evaluate(() => navigator.clipboard.readText())

// The status for a browser that knows this password; undefined when it is not let in.
async function opensWith(url, secret) {
  const httpCredentials = { username: 'opencode', password: secret }
  const context = await fixture.browser.newContext({ httpCredentials })
  const answer = await (await context.newPage()).goto(url).catch(() => undefined)
  await context.close()
  return answer?.status()
}

for (const language of LANGUAGES) {
  test(`${language}: from a name to a workspace that opens, and its deletion`, async () => {
    const name = `whole-job-${language}`
    const { page, context, done } = await fixture.visit(language)
    await context.grantPermissions(clipboard)
    assert.equal(await page.getAttribute('html', 'dir'), language === 'ar' ? 'rtl' : 'ltr')
    assert.equal(await page.textContent('h1'), text(language, 'page.heading'))

    await page.fill('#name', name)
    await page.waitForSelector('#check.good')
    assert.equal(await content(page, '#check'), text(language, 'live.name.free', { name }))
    const address = await page.textContent('#address')
    assert.match(address, new RegExp(`^http://${name}\\.localhost:\\d+$`))
    await fixture.rehearsal.hold('deploy', name)
    await page.click('#deploy')

    await page.waitForSelector('#step-list li.done')
    await fixture.rehearsal.forgetFaults()
    await ready(page)
    assert.equal(await title(page), text(language, 'page.job.ready', { name }))
    if (language === 'ar') {
      const heading = await page.textContent('#job-title')
      assert.ok(heading.includes(`\u2068${name}\u2069`), 'the name keeps its direction')
    }
    assert.match(await page.title(), new RegExp(name))
    const states = await page.$$eval('#step-list li', (all) => all.map((item) => item.className))
    assert.ok(states.every((state) => state === 'done'), states.join(' '))

    const secret = await password(page)
    await page.click('[data-copy=password]')
    assert.equal(await clipboardText(page), secret)
    const url = await page.getAttribute('#open', 'href')
    assert.equal(await opensWith(url, secret), 200)
    assert.equal(await opensWith(url, 'not the password'), undefined)

    await page.click('#delete-open')
    await page.fill('#delete input[required]', 'something-else')
    await page.click('#delete .danger')
    const mismatch = text(language, 'page.delete.mismatch', { name })
    assert.equal(await content(page, '#delete .wrong'), mismatch)
    await page.fill('#delete input[required]', name)
    await page.keyboard.press('Enter')
    await ended(page, 'deleted')
    assert.equal(await title(page), text(language, 'page.job.deleted', { name }))
    assert.ok((await content(page, '#outcome')).includes(text(language, 'page.deleted.kept')))
    await fixture.rehearsal.holdsNothing(name)
    await page.click('#again')
    await page.waitForSelector('#form')
    assert.equal(await page.isVisible('#workspaces'), false, 'a deleted workspace is not listed')
    await done()
  })
}

test('a password can be copied without being shown', async () => {
  const { page, context, done } = await fixture.visit('en')
  await context.grantPermissions(clipboard)
  await deploy(page, 'copied-unseen')
  await ready(page)
  await page.click('[data-copy=password]')
  await page.waitForFunction((label) =>
    document.querySelector('[data-copy=password]').textContent === label, text('en', 'live.copied'))
  const copied = await clipboardText(page)
  assert.match(await page.textContent('#password'), /^•+$/)
  assert.equal(await password(page), copied)
  await done()
})

test('the log is there, left to right, and can be copied', async () => {
  const { page, context, done } = await fixture.visit('ar')
  await context.grantPermissions(clipboard)
  await deploy(page, 'log-reader')
  await ready(page)
  await page.click('#log summary')
  const log = await page.textContent('#log-lines')
  assert.ok(log.trim().split('\n').length >= 3, `expected several lines: ${log}`)
  const direction = await page.$eval('#log-lines', (box) => getComputedStyle(box).direction)
  assert.equal(direction, 'ltr')
  await page.click('#log-copy')
  assert.equal(await clipboardText(page), log)
  await done()
})

test('the log follows its end, unless its reader has scrolled back', async () => {
  await fixture.rehearsal.hold('deploy', 'long-log')
  const { page, done } = await fixture.visit('nl')
  await deploy(page, 'long-log')
  await page.waitForSelector('#log:not([hidden])')
  await page.click('#log summary')
  const addLines = (count) => page.evaluate(async (lines) => {
    const script = document.querySelector('script[type=module]').src
    const { add, draw } = await import(script.replace('view.js', 'log.js'))
    for (let i = 0; i < lines; i++) add(`a line ${i}`)
    draw()
    const box = document.querySelector('#log-lines')
    return { below: box.scrollHeight - box.scrollTop - box.clientHeight, top: box.scrollTop }
  }, count)
  const below = () => page.$eval('#log-lines',
    (box) => box.scrollHeight - box.scrollTop - box.clientHeight)
  assert.ok((await addLines(100)).below < 2, 'at the end')
  await page.hover('#log-lines')
  await page.mouse.wheel(0, -400)
  await until(async () => await below() >= 100, 'it has scrolled')
  const added = await addLines(50)
  assert.ok(added.below > 1000, 'where the reader was')
  assert.ok(added.top > 0)
  await until(async () => {
    await page.focus('#log-lines')
    await page.keyboard.press('End')
    return await below() < 2
  }, 'it has scrolled to its end')
  assert.ok((await addLines(50)).below < 2, 'at the end again')
  await done()
})

test('a second workspace belongs to the same owner, and both are listed', async () => {
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'first-of-two')
  await ready(page)
  const key = await ownerKey(page)
  await go(page, '#back')
  await deploy(page, 'second-of-two')
  await ready(page)
  assert.equal(await ownerKey(page), key)
  await go(page, '#back')
  await page.waitForSelector('#workspaces li.ready[data-name=first-of-two]')
  await page.waitForSelector('#workspaces li.ready[data-name=second-of-two]')
  await go(page, '[data-name=first-of-two] a')
  await page.waitForSelector('#password')
  assert.equal(await title(page), text('en', 'page.stack.title', { name: 'first-of-two' }))
  await done()
})

test('the owner key opens the workspace in another browser, and nothing less does', async () => {
  const first = await fixture.visit('en')
  await deploy(first.page, 'moved-house')
  await ready(first.page)
  const key = await ownerKey(first.page)
  const path = new URL(first.page.url()).pathname
  await first.done()

  const { page, done } = await fixture.visit('en', { path, expected: [/401/] })
  await page.waitForSelector('#job.ready #open')
  assert.equal(await page.isVisible('#password'), false, 'no password without the key')
  await page.click('#key-entry summary')
  await page.fill('#key-entry [name=key]', `${key}x`)
  await page.click('#key-entry button')
  await page.waitForSelector('#key-entry .wrong:not(:empty)')
  const wrong = text('en', 'problem.key_invalid.detail')
  assert.equal(await page.textContent('#key-entry .wrong'), wrong)
  await page.fill('#key-entry [name=key]', key)
  await page.click('#key-entry button')
  await page.waitForSelector('#password')
  await password(page)
  await go(page, '#back')
  await page.waitForSelector('#workspaces li.ready[data-name=moved-house]')
  await go(page, '[data-name=moved-house] a')
  await page.waitForSelector('#act-stop')
  await page.click('#act-stop')
  await page.waitForSelector('#job.stopped #act-start')
  await go(page, '#back')
  await page.click('#forget-open')
  await go(page, '#forget .danger')
  assert.equal(await page.locator('#workspaces, #forget').count(), 0)
  await done()
})

test('no script can read the key, and one that 0.1 stored becomes the cookie', async () => {
  const { page, done } = await fixture.visit('en', { expected: [/Failed to load|ERR_/] })
  const stored = () => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))
  await deploy(page, 'key-in-no-storage')
  await ready(page)
  assert.doesNotMatch(await stored(), /own_/)
  const { key } = await fixture.portal.ready('stored-by-0-1')
  await page.context().clearCookies()
  const old = { key, workspaces: [{ name: 'stored-by-0-1', key, open: false }] }
  await page.evaluate((it) => localStorage.setItem('deployer', it), JSON.stringify(old))
  await page.route('**/api/owner/enter', (route) => route.abort())
  const failed = page.waitForEvent('requestfailed', (it) => it.url().endsWith('/enter'))
  await page.goto(fixture.portal.url)
  await failed
  assert.ok((await stored()).includes(key), 'it stays until it has become the cookie')
  await page.unroute('**/api/owner/enter')
  await page.goto(fixture.portal.url)
  await page.waitForSelector('#workspaces li.ready[data-name=stored-by-0-1]')
  assert.doesNotMatch(await stored(), /own_/)
  await done()
})

test('a browser that does not keep the cookie shows the key, once', async () => {
  const { page, done } = await fixture.visit('nl')
  await page.route('**/api/deploy', async (route) => {
    const response = await route.fetch()
    const { 'set-cookie': _, ...headers } = response.headers()
    await page.context().clearCookies()
    await route.fulfill({ response, headers })
  })
  await page.fill('#name', 'no-cookie-kept')
  await page.click('#deploy')
  await page.waitForSelector('#problem:not([hidden])')
  const shown = await page.textContent('#problem')
  assert.ok(shown.includes(text('nl', 'live.cookie.title')))
  assert.match(shown, /own_[\w-]+\.[\w-]{43}/)
  await go(page, '#problem a')
  await page.waitForSelector('#key-entry')
  await done()
})
