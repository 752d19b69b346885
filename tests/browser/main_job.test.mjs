// The main job in each language: name, progress, result, the workspace itself, and its end.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { LANGUAGES, deploy, openDesk, password, ready, said, text, title } from './browser.mjs'

let desk
before(async () => { desk = await openDesk() })
after(() => desk?.close())

// The status that a browser gets which knows this password; none when it is not let in.
async function opensWith(link, password) {
  const context = await desk.browser.newContext({ httpCredentials: { username: 'opencode', password } })
  const answer = await (await context.newPage()).goto(link).catch(() => undefined)
  await context.close()
  return answer?.status()
}

for (const language of LANGUAGES) {
  test(`${language}: from a name to a workspace that opens, and its deletion`, async () => {
    const name = `whole-job-${language}`
    const { page, context, done } = await desk.visit(language)
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    assert.equal(await page.getAttribute('html', 'dir'), language === 'ar' ? 'rtl' : 'ltr')
    assert.equal(await page.textContent('h1'), text(language, 'page.heading'))

    await page.fill('#name', name)
    await page.waitForSelector('#check.good')
    assert.equal(await said(page, '#check'), text(language, 'page.name.free', { name }))
    assert.match(await page.textContent('#address'), new RegExp(`^http://${name}\\.localhost:\\d+$`))
    await desk.world.rehearsal.faults({ at: 'deploy', kind: 'hang', name, times: 0 })
    await page.click('#deploy')

    await page.waitForSelector('#step-list li.done')
    await desk.world.rehearsal.forgetFaults()
    await ready(page)
    assert.equal(await title(page), text(language, 'page.job.ready', { name }))
    if (language === 'ar') assert.ok((await page.textContent('#job-title')).includes(`\u2068${name}\u2069`), 'the name keeps its direction')
    assert.match(await page.title(), new RegExp(name))
    assert.ok(await page.$$eval('#step-list li', (items) => items.every((item) => item.className === 'done')), 'every step is done')

    const secret = await password(page)
    await page.click('#password >> xpath=ancestor::div[1] >> button:last-child')
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret)
    const link = await page.getAttribute('#open', 'href')
    assert.equal(await opensWith(link, secret), 200)
    assert.equal(await opensWith(link, 'not the password'), undefined)

    await page.click('#delete-open')
    await page.fill('#delete-name', 'something-else')
    await page.click('#delete-go')
    assert.equal(await said(page, '#delete-problem'), text(language, 'page.delete.mismatch', { name }))
    await page.fill('#delete-name', name)
    await page.keyboard.press('Enter')
    await page.waitForSelector('#job.deleted #again')
    assert.equal(await title(page), text(language, 'page.job.deleted', { name }))
    assert.ok((await said(page, '#outcome')).includes(text(language, 'page.deleted.kept')))
    await desk.world.rehearsal.holdsNothing(name)
    await page.click('#again')
    assert.equal(await page.isVisible('#mine'), false, 'what is deleted is on no list')
    await done()
  })
}

test('the log is there, left to right, and can be copied', async () => {
  const { page, context, done } = await desk.visit('ar')
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await deploy(page, 'log-reader')
  await ready(page)
  await page.click('#log summary')
  const log = await page.textContent('#log-lines')
  assert.ok(log.trim().split('\n').length >= 3, `a log of some lines, not: ${log}`)
  assert.equal(await page.$eval('#log-lines', (box) => getComputedStyle(box).direction), 'ltr')
  await page.click('#log-copy')
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), log)
  await done()
})

test('the log follows its end, unless its reader has gone back', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 3000, name: 'long-log', times: 0 })
  const { page, done } = await desk.visit('nl')
  await deploy(page, 'long-log')
  await page.waitForSelector('#log:not([hidden])')
  await page.click('#log summary')
  const more = (lines) => page.evaluate(async (count) => {
    const { add, draw } = await import(document.querySelector('script[type=module]').src.replace('app.js', 'log.js'))
    for (let i = 0; i < count; i++) add(`a line ${i}`)
    draw()
    const box = document.querySelector('#log-lines')
    return { left: box.scrollHeight - box.scrollTop - box.clientHeight, top: box.scrollTop }
  }, lines)
  assert.ok((await more(100)).left < 2, 'at the end')
  await page.hover('#log-lines')
  await page.mouse.wheel(0, -400)
  await page.waitForFunction(() => { const box = document.querySelector('#log-lines'); return box.scrollHeight - box.scrollTop - box.clientHeight > 100 })
  const { left, top } = await more(50)
  assert.ok(left > 1000, 'where the reader was')
  assert.ok(top > 0)
  await page.focus('#log-lines')
  await page.keyboard.press('End')
  await page.waitForFunction(() => { const box = document.querySelector('#log-lines'); return box.scrollHeight - box.scrollTop - box.clientHeight < 2 })
  assert.ok((await more(50)).left < 2, 'at the end again')
  await ready(page)
  await done()
})

test('a second workspace belongs to the same owner, and both are listed', async () => {
  const { page, done } = await desk.visit('en')
  await deploy(page, 'first-of-two')
  await ready(page)
  const key = await page.textContent('#owner-key')
  await page.click('#back')
  await deploy(page, 'second-of-two')
  await ready(page)
  assert.equal(await page.textContent('#owner-key'), key)
  await page.click('#back')
  await page.waitForSelector('#workspaces li.ready[data-name=first-of-two]')
  await page.waitForSelector('#workspaces li.ready[data-name=second-of-two]')
  await page.click('[data-name=first-of-two] a')
  await page.waitForSelector('#password')
  assert.equal(await title(page), text('en', 'page.stack.title', { name: 'first-of-two' }))
  await done()
})

test('the owner key opens the workspace in another browser, and nothing less does', async () => {
  const first = await desk.visit('en')
  await deploy(first.page, 'moved-house')
  await ready(first.page)
  const key = await first.page.textContent('#owner-key')
  const address = first.page.url().slice(desk.world.portal.url.length)
  await first.done()

  const { page, done } = await desk.visit('en', { path: address, expected: [/404/] })
  await page.waitForSelector('#job.ready #open')
  assert.equal(await page.isVisible('#password'), false, 'no password without the key')
  await page.click('#back')
  await page.click('#key-entry summary')
  await page.fill('#key-name', 'moved-house')
  await page.fill('#key-value', `${key}x`)
  await page.click('#key-form button')
  await page.waitForFunction(() => document.querySelector('#key-problem').textContent !== '')
  assert.equal(await page.textContent('#key-problem'), text('en', 'page.key.wrong'))
  await page.fill('#key-value', key)
  await page.click('#key-form button')
  await page.waitForSelector('#password')
  await done()
})
